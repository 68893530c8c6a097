// Promise 5: overload is answered, not suffered. Whatever Redis does: an answer within two seconds, and nothing half-accepted.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { type AtEnd, atEndOf } from "../support/atEnd.ts";
import { startGateway } from "../support/gateway.ts";
import { sendEach, testMessage } from "../support/mailing.ts";
import { startProxy } from "../support/proxy.ts";
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

function assertUnavailable({ status, headers, tookMs }: { status: number; headers: Headers; tookMs: number }, what: string): void {
  assert.equal(status, 503, what);
  assert.match(headers.get("retry-after") ?? "", /^[1-9]\d*$/, what);
  assert.match(headers.get("content-type") ?? "", /^application\/problem\+json/, what);
  assert.ok(tookMs <= answerMsMax, `${what} took ${Math.round(tookMs)} ms`);
}

test("a request whose acceptance was stored, but whose answer Redis lost, is answered 503; with an Idempotency-Key it is accepted once", async (t) => {
  const atEnd = atEndOf(t);
  const { relay, proxy, gateway } = await startBehindProxy(atEnd);
  // Redis learns the script: else what is lost is the answer that it does not know it.
  const [known] = await sendEach(gateway, [testMessage("first", "first@example.net")]);
  await gateway.messageSettled(known?.id ?? "");
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
  assert.equal(body.data.length, 2);
  assert.equal(relay.accepted.length, 2);
});
