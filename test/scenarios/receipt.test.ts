// Promise 1: a 202 is a receipt.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { atEndOf } from "../support/atEnd.ts";
import { freePort } from "../support/freePort.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { allSettled, testMessage } from "../support/mailing.ts";
import { reconcile } from "../support/reconcile.ts";
import { sharedRedis, startRedis } from "../support/redis.ts";
import { startSink } from "../support/sink.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();

/** What eight clients were answered. `asked` holds every X-Test-Id that left, `receipts` those answered 202, with the message's id. */
type Books = { asked: Set<string>; receipts: Map<string, string> };

/** Eight clients post as fast as they can, until `goOn` says no or the connection breaks. Other answers than 202 must be 503. */
async function postInARush(gateway: Gateway, round: string, books: Books, goOn: () => boolean): Promise<void> {
  const post = async (client: number) => {
    for (let number = 1; goOn(); number++) {
      const testId = `${round}-${client}-${number}`;
      books.asked.add(testId);
      const answer = await gateway.post<MessageView>("/v1/messages", testMessage(testId, `${testId}@example.net`)).catch(() => undefined);
      if (!answer) return;
      if (answer.status === 202) books.receipts.set(testId, answer.body.id);
      else assert.equal(answer.status, 503, JSON.stringify(answer.body));
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, client) => post(client)));
}

/** Every receipt is at the sink exactly once, and nothing is there that nobody asked for. */
async function assertReceiptsArrived(gateway: Gateway, books: Books, sink: Awaited<ReturnType<typeof startSink>>): Promise<void> {
  const messages = await allSettled(gateway, [...books.receipts.values()]);
  assert.deepEqual(new Set(messages.map(({ status }) => status)), new Set(["sent"]));
  const expected = new Map([...books.receipts.keys()].map((testId) => [testId, [`${testId}@example.net`]]));
  const { lost, doubled, unexpected } = reconcile({ expected, mails: await sink.received() });
  assert.deepEqual({ lost, doubled }, { lost: [], doubled: [] });
  // Those whose answer was cut off may have been stored, or not.
  for (const { id } of unexpected) assert.ok(books.asked.has(id ?? ""), `nobody asked for ${id}`);
}

test("every message answered 202 is settled and at the relay, though the process that said so is killed in the rush", async (t) => {
  const atEnd = atEndOf(t);
  const sink = await startSink();
  atEnd(sink.stop);
  const env = { REDIS_URL: redis.freshUrl(), SMTP_URL: sink.url };
  const worker = await startGateway({ env, args: ["--role", "worker"] });
  atEnd(() => worker.stop());
  const books: Books = { asked: new Set(), receipts: new Map() };
  for (const round of ["first", "second", "third"]) {
    const api = await startGateway({ env, args: ["--role", "api"] });
    atEnd(() => api.stop());
    const before = books.receipts.size;
    const rush = postInARush(api, round, books, () => true);
    await waitFor(() => books.receipts.size >= before + 200, { what: "200 receipts", timeoutMs: 20_000, everyMs: 1 });
    api.kill("SIGKILL");
    await rush;
  }
  const api = await startGateway({ env, args: ["--role", "api"] });
  atEnd(() => api.stop());
  await assertReceiptsArrived(api, books, sink);
  t.diagnostic(`${books.asked.size} asked, ${books.receipts.size} receipts`);
});

test("every message answered 202 is settled and at the relay, though Redis is killed in the rush and started again", async (t) => {
  const atEnd = atEndOf(t);
  const own = await startRedis();
  atEnd(own.stop);
  const sink = await startSink();
  atEnd(sink.stop);
  // A wake-up that was on its way to the worker is found again after a part of the lease.
  const gateway = await startGateway({ env: { REDIS_URL: own.url, SMTP_URL: sink.url }, config: "timeouts: { owner_lease: 2s }" });
  atEnd(() => gateway.stop());
  const books: Books = { asked: new Set(), receipts: new Map() };
  let done = false;
  const rush = postInARush(gateway, "redis", books, () => !done);
  for (const _ of [1, 2]) {
    const before = books.receipts.size;
    await waitFor(() => books.receipts.size >= before + 200, { what: "200 receipts", timeoutMs: 20_000, everyMs: 1 });
    await own.kill("SIGKILL");
    await own.restart();
  }
  const before = books.receipts.size;
  await waitFor(() => books.receipts.size >= before + 100, { what: "receipts after Redis is back", timeoutMs: 20_000 });
  done = true;
  await rush;
  await assertReceiptsArrived(gateway, books, sink);
  t.diagnostic(`${books.asked.size} asked, ${books.receipts.size} receipts`);
});

test("a message whose relay is gone from the configuration goes by the relay that the routes name now", async (t) => {
  const atEnd = atEndOf(t);
  const sink = await startSink();
  atEnd(sink.stop);
  const redisUrl = redis.freshUrl();
  const start = async (relays: string) => {
    const gateway = await startGateway({ env: { REDIS_URL: redisUrl }, config: `{ retry: { schedule: [1h] }, relays: { ${relays} } }` });
    atEnd(() => gateway.stop());
    return gateway;
  };
  const first = await start(`old: { host: 127.0.0.1, port: ${await freePort()}, tls: none }`);
  const { body } = await first.post<MessageView>("/v1/messages", testMessage("moved", "moved@example.net"));
  const deferred = async () => (await first.get<MessageView>(`/v1/messages/${body.id}`)).body.recipients[0]?.status === "deferred";
  await waitFor(deferred, { what: "the message to wait for the old relay" });
  await first.stop();
  const second = await start(`new: { host: 127.0.0.1, port: ${sink.port}, tls: none }`);
  const { recipients } = await second.messageSettled(body.id);
  assert.deepEqual([recipients[0]?.status, recipients[0]?.relay], ["sent", "new"]);
  const expected = { moved: ["moved@example.net"] };
  assert.deepEqual(reconcile({ expected, mails: await sink.received() }), { lost: [], doubled: [], unexpected: [] });
});
