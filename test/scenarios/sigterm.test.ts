// A stop in order: what is being sent ends and is recorded, everything else waits for the next start.
import assert from "node:assert/strict";
import { test } from "node:test";
import { atEndOf } from "../support/atEnd.ts";
import { startGateway } from "../support/gateway.ts";
import { allSettled, expectedOf, sendBatches, testMessage } from "../support/mailing.ts";
import { startProxy } from "../support/proxy.ts";
import { reconcile } from "../support/reconcile.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();

test("SIGTERM in the middle of 1,000 messages: the process ends with 0, and after the next start each has arrived exactly once", async (t) => {
  const atEnd = atEndOf(t);
  let replyDelayMs = 30;
  const relay = await startScriptedRelay({ onData: () => ({ delayMs: replyDelayMs }) });
  atEnd(relay.stop);
  const env = { REDIS_URL: redis.freshUrl(), SMTP_URL: `${relay.url}?connections=10` };
  const first = await startGateway({ env });
  atEnd(() => first.stop());
  const messages = Array.from({ length: 1_000 }, (_, index) => testMessage(`m${index}`, `r${index}@example.net`));
  const ids = await sendBatches(first, messages);
  await waitFor(() => relay.accepted.length >= 200, { what: "the middle of the work", timeoutMs: 20_000, everyMs: 1 });
  // What is under way now takes its time.
  replyDelayMs = 2_000;
  const slowOnes = relay.accepted.length + 10;
  await waitFor(() => relay.accepted.length >= slowOnes, { what: "every connection to wait for a late reply", everyMs: 1 });

  const stoppedAt = Date.now();
  first.kill("SIGTERM");
  assert.deepEqual(await first.exited, { code: 0, signal: null });
  const tookMs = Date.now() - stoppedAt;
  assert.ok(tookMs < 10_000, `the stop took ${tookMs} ms`);
  const before = relay.accepted.length;
  assert.ok(before < 900, "it was stopped in the middle");

  replyDelayMs = 0;
  const second = await startGateway({ env });
  atEnd(() => second.stop());
  const settled = await allSettled(second, ids);
  assert.deepEqual(reconcile({ expected: expectedOf(messages), mails: relay.accepted }), { lost: [], doubled: [], unexpected: [] });
  for (const { recipients } of settled) {
    const [recipient] = recipients;
    assert.deepEqual([recipient?.status, recipient?.attempts, recipient?.possible_duplicate], ["sent", 1, false]);
  }
  t.diagnostic(`stopped in ${tookMs} ms with ${before} of 1000 sent`);
});

test("SIGTERM while Redis is silent: the process does not wait for it, and ends with 0", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay();
  atEnd(relay.stop);
  const proxy = await startProxy({ target: { port: redis.port } });
  atEnd(proxy.stop);
  const redisUrl = redis.freshUrl().replace(`:${redis.port}`, `:${proxy.port}`);
  const gateway = await startGateway({ env: { REDIS_URL: redisUrl, SMTP_URL: relay.url } });
  atEnd(() => gateway.stop());
  const [id] = await sendBatches(gateway, [testMessage("one", "a@example.net")]);
  await gateway.messageSettled(id ?? "");
  proxy.pause();
  const stoppedAt = Date.now();
  gateway.kill("SIGTERM");
  assert.deepEqual(await gateway.exited, { code: 0, signal: null });
  const tookMs = Date.now() - stoppedAt;
  assert.ok(tookMs < 15_000, `the stop took ${tookMs} ms`);
  t.diagnostic(`stopped in ${tookMs} ms`);
});
