import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { acceptBatch, type BatchResult } from "../../src/accept/batch.ts";
import { idempotencyClaim } from "../../src/accept/idempotency.ts";
import { prepare } from "../../src/accept/prepare.ts";
import { noQuotas } from "../../src/domain/quotas.ts";
import { isRefusal } from "../../src/domain/refusals.ts";
import { createIdempotency } from "../../src/store/idempotency.ts";
import { type OpenLedger, openLedger } from "../store/ledgerForTests.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { caller, request, settings } from "./accepting.ts";

let redis: TestRedis;
const opened: OpenLedger[] = [];
before(async () => {
  redis = await startRedis();
});
after(async () => {
  for (const { connection } of opened) await connection.close();
  await redis.stop();
});

async function open() {
  const store = await openLedger(redis);
  opened.push(store);
  const dependencies = {
    ledger: store.ledger,
    idempotency: createIdempotency(store.connection),
    quotas: noQuotas,
    wake: () => undefined,
    observeAccepted: () => undefined,
  };
  const with_ = settings({ now: store.ledger.clock.now });
  const messages = (count: number) =>
    Array.from({ length: count }, (_, index) => () => prepare(with_, caller(), request({ to: `u${index}@x.example` })));
  const stored = async () => (await store.messages.list("default", {}, 100)).messages.length;
  return { ...store, dependencies, messages, stored };
}

const asIs = (result: BatchResult) => result;
const ids = (answer: Awaited<ReturnType<typeof acceptBatch<BatchResult>>>) => {
  assert.ok(!isRefusal(answer));
  return answer.items.map((item) => ("id" in item ? item.id : undefined));
};

test("each message is judged alone and answered at its place", async () => {
  const { dependencies, messages, stored } = await open();
  const refusal = { refused: "invalid_request" as const, detail: "no" };
  const [first, , third] = messages(3);
  const answer = await acceptBatch(dependencies, [first as never, async () => refusal, third as never], asIs);
  assert.ok(!isRefusal(answer));
  assert.deepEqual(
    answer.items.map((item) => [item.index, "id" in item]),
    [
      [0, true],
      [1, false],
      [2, true],
    ],
  );
  assert.equal(await stored(), 2);
});

test("a batch sent again with its key gives the first answer and stores nothing more", async () => {
  const { dependencies, messages, stored } = await open();
  const claim = await idempotencyClaim("default", "/v1/messages/batch", "k", { b: 1, a: [2] });
  const first = ids(await acceptBatch(dependencies, messages(5), asIs, claim));
  const same = await idempotencyClaim("default", "/v1/messages/batch", "k", { a: [2], b: 1 });
  assert.deepEqual(ids(await acceptBatch(dependencies, messages(5), asIs, same)), first);
  assert.equal(await stored(), 5);
});

test("the key with another body is refused; while the batch is being worked on, the same body too", async () => {
  const { dependencies, messages } = await open();
  const claim = await idempotencyClaim("default", "/v1/messages/batch", "k", { a: 1 });
  await acceptBatch(dependencies, messages(1), asIs, claim);
  const other = await acceptBatch(dependencies, messages(1), asIs, await idempotencyClaim("default", "/v1/messages/batch", "k", { a: 2 }));
  assert.equal(isRefusal(other) && other.refused, "idempotency_key_reused");

  const slow = await idempotencyClaim("default", "/v1/messages/batch", "slow", {});
  let go: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const [message] = messages(1);
  const running = acceptBatch(dependencies, [async () => gate.then(() => (message as never as () => never)())], asIs, slow);
  const meanwhile = await acceptBatch(dependencies, messages(1), asIs, slow);
  assert.equal(isRefusal(meanwhile) && meanwhile.refused, "idempotency_in_progress");
  go();
  assert.equal(ids(await running).length, 1);
});

test("cut off half-way and sent again, nothing is doubled", async () => {
  const { dependencies, messages, stored } = await open();
  const claim = await idempotencyClaim("default", "/v1/messages/batch", "k", {});
  const failing = {
    ...dependencies,
    ledger: {
      accept: async (input: Parameters<typeof dependencies.ledger.accept>[0]) => {
        if (input.record.recipients[0]?.address === "u3@x.example") throw new Error("Command timed out");
        return dependencies.ledger.accept(input);
      },
    },
  };
  const first = await acceptBatch(failing, messages(6), asIs, claim);
  assert.ok(!isRefusal(first));
  assert.deepEqual(
    first.items.filter((item) => "error" in item).map((item) => item.index),
    [3],
  );
  const again = ids(await acceptBatch(dependencies, messages(6), asIs, claim));
  assert.equal(new Set(again).size, 6);
  assert.deepEqual(again[0], "id" in (first.items[0] as BatchResult) ? (first.items[0] as { id: string }).id : undefined);
  assert.equal(await stored(), 6);
});

test("messages beyond the queue's bound are refused alone; the same batch again adds what was refused and doubles nothing", async () => {
  const { dependencies, messages, stored, ledger } = await open();
  const bounded = { ...dependencies, quotas: { ...noQuotas, perTenant: { requests: [], queued: 3 } } };
  const claim = await idempotencyClaim("default", "/v1/messages/batch", "k", { batch: 1 });
  const answer = await acceptBatch(bounded, messages(5), asIs, claim);
  const first = ids(answer);
  assert.equal(first.filter(Boolean).length, 3);
  assert.ok(!isRefusal(answer));
  for (const item of answer.items) if ("error" in item) assert.equal(item.error.refused, "queue_full");
  assert.equal(await stored(), 3);
  const done = first.find((id) => id !== undefined) as string;
  assert.equal(typeof (await ledger.cancel(done)), "object");
  const second = ids(await acceptBatch(bounded, messages(5), asIs, claim));
  assert.equal(second.filter(Boolean).length, 4);
  for (const [index, id] of first.entries()) if (id) assert.equal(second[index], id);
  assert.equal(await stored(), 4);
  const third = await acceptBatch(bounded, messages(2), asIs, await idempotencyClaim("default", "/v1/messages/batch", "other", {}));
  assert.ok(isRefusal(third));
  assert.deepEqual([third.refused, third.retryAfterSeconds], ["queue_full", 5]);
});
