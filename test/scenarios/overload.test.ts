// Promise 5: overload is answered, not suffered. Whatever Redis does: an answer within two seconds, and nothing half-accepted.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { type AtEnd, atEndOf } from "../support/atEnd.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { allSettled, inParallel, testMessage } from "../support/mailing.ts";
import { startProxy, type TcpProxy } from "../support/proxy.ts";
import { reconcile } from "../support/reconcile.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();

const answerMsMax = 2_000;

async function startBehindProxy(atEnd: AtEnd) {
  const relay = await startScriptedRelay();
  atEnd(relay.stop);
  const proxy = await startProxy({ target: { port: redis.port } });
  atEnd(proxy.stop);
  const gateway = await startGateway({
    env: { REDIS_URL: redis.freshUrl().replace(`:${redis.port}`, `:${proxy.port}`), SMTP_URL: relay.url },
    // A wake-up whose way to the worker was cut is found again after a part of this.
    config: "timeouts: { owner_lease: 2s }",
  });
  atEnd(() => gateway.stop());
  return { relay, proxy, gateway };
}

/** Every X-Test-Id that was asked for, with the message's id where the answer was 202. */
type Books = Map<string, string | undefined>;

async function post(gateway: Gateway, books: Books, testId: string) {
  books.set(testId, undefined);
  const startedAt = performance.now();
  const answer = await gateway.post<MessageView>("/v1/messages", testMessage(testId, `${testId}@example.net`));
  if (answer.status === 202) books.set(testId, answer.body.id);
  return { ...answer, tookMs: performance.now() - startedAt };
}

function assertUnavailable({ status, headers, tookMs }: { status: number; headers: Headers; tookMs: number }, what: string): void {
  assert.equal(status, 503, what);
  assert.match(headers.get("retry-after") ?? "", /^[1-9]\d*$/, what);
  assert.match(headers.get("content-type") ?? "", /^application\/problem\+json/, what);
  assert.ok(tookMs <= answerMsMax, `${what} took ${Math.round(tookMs)} ms`);
}

/** Posts and reads in three waves while Redis cannot be reached: each is answered 503 in time. */
async function assertRefusesWithin2s(gateway: Gateway, books: Books, knownId: string): Promise<void> {
  for (const wave of ["first", "second", "third"]) {
    await inParallel(12, 12, async (index) => {
      if (index < 8) return assertUnavailable(await post(gateway, books, `${wave}-${index}`), "POST");
      const path = ["/v1/messages", `/v1/messages/${knownId}`, "/v1/events", `/v1/messages/${knownId}/attempts`][index - 8] ?? "";
      const startedAt = performance.now();
      const { status, headers } = await gateway.get(path);
      assertUnavailable({ status, headers, tookMs: performance.now() - startedAt }, `GET ${path}`);
    });
  }
}

/** Posts until it is answered 202 again, which needs nobody's help. */
async function untilTakenAgain(gateway: Gateway, books: Books): Promise<void> {
  let tries = 0;
  await waitFor(async () => (await post(gateway, books, `after-${tries++}`)).status === 202, {
    what: "a 202",
    timeoutMs: 10_000,
    everyMs: 100,
  });
}

/**
 * Whatever is stored is whole: it arrives once, and nothing else does. All that was answered 202 is stored. Of what was answered 503 only
 * requests that were on their way to Redis when the connection broke may be, the rare case that the API's description names.
 * @returns how many those were
 */
async function assertNothingHalfAccepted(
  gateway: Gateway,
  books: Books,
  accepted: Parameters<typeof reconcile>[0]["mails"],
): Promise<number> {
  const { body } = await gateway.get<{ data: MessageView[]; has_more: boolean }>("/v1/messages?limit=100");
  assert.equal(body.has_more, false);
  const stored = new Map(body.data.map(({ subject, id }) => [subject.replace("Test ", ""), id]));
  for (const [testId, id] of books)
    assert.ok(id === undefined || stored.get(testId) === id, `${testId} was answered 202, and is not stored`);
  const messages = await allSettled(gateway, [...stored.values()]);
  assert.ok(messages.every(({ status }) => status === "sent"));
  const expected = new Map([...stored.keys()].map((testId) => [testId, [`${testId}@example.net`]]));
  assert.deepEqual(reconcile({ expected, mails: accepted }), { lost: [], doubled: [], unexpected: [] });
  return [...stored.keys()].filter((testId) => books.get(testId) === undefined).length;
}

const faults: { name: string; begin(proxy: TcpProxy): Promise<void>; end(proxy: TcpProxy): Promise<void> }[] = [
  { name: "is silent like a black hole", begin: async (proxy) => proxy.pause(), end: async (proxy) => proxy.resume() },
  {
    name: "refuses connections",
    begin: async (proxy) => {
      await proxy.refuse();
      proxy.cut();
    },
    end: (proxy) => proxy.accept(),
  },
];

for (const { name, begin, end } of faults) {
  test(`while Redis ${name}, writes and reads are answered 503 with Retry-After within 2 s; none of it is sent; it recovers by itself`, async (t) => {
    const atEnd = atEndOf(t);
    const { relay, proxy, gateway } = await startBehindProxy(atEnd);
    const books: Books = new Map();
    await inParallel(20, 4, (index) => post(gateway, books, `before-${index}`));
    await begin(proxy);
    await assertRefusesWithin2s(gateway, books, books.get("before-0") ?? "");
    await end(proxy);
    await untilTakenAgain(gateway, books);
    const rareCases = await assertNothingHalfAccepted(gateway, books, relay.accepted);
    assert.ok(rareCases <= 8, `${rareCases} requests that were answered 503 are stored: more than were on their way at once`);
    t.diagnostic(`${rareCases} requests that were answered 503 had been stored`);
  });
}

test("a request whose acceptance was stored, but whose answer Redis lost, is answered 503; with an Idempotency-Key it is accepted once", async (t) => {
  const atEnd = atEndOf(t);
  const { relay, proxy, gateway } = await startBehindProxy(atEnd);
  const lost = proxy.dropRepliesAfter("X-Test-Id: rare", { times: 1 });
  const message = testMessage("rare", "rare@example.net");
  const send = () => gateway.post<MessageView>("/v1/messages", message, { "idempotency-key": "rare-1" });
  const startedAt = performance.now();
  const first = await send();
  assertUnavailable({ ...first, tookMs: performance.now() - startedAt }, "POST");
  assert.equal(lost.seen(), 1, "the reply was really lost");
  const second = await waitFor(
    async () => {
      const answer = await send();
      return answer.status === 202 && answer;
    },
    { what: "the request to be answered", timeoutMs: 10_000, everyMs: 100 },
  );
  assert.equal(second.headers.get("idempotent-replayed"), "true");
  assert.equal((await gateway.messageSettled(second.body.id)).status, "sent");
  const { body } = await gateway.get<{ data: unknown[] }>("/v1/messages");
  assert.equal(body.data.length, 1);
  assert.equal(relay.accepted.length, 1);
});
