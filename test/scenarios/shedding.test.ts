// A process that has more to do than it can do says so early, instead of making everybody wait; what it has accepted it sends.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { atEndOf } from "../support/atEnd.ts";
import { blockableEnv, blockEventLoop } from "../support/blockedLoop.ts";
import { freePort } from "../support/freePort.ts";
import { startGateway } from "../support/gateway.ts";
import { allSettled, inParallel, testMessage } from "../support/mailing.ts";
import { reconcile } from "../support/reconcile.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();

test("while its event loop is late, a process answers 503 with Retry-After early, tells how it is, loses nothing, and recovers by itself", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay();
  atEnd(relay.stop);
  const gateway = await startGateway({
    env: { ...blockableEnv, REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url, METRICS_PORT: String(await freePort()) },
    config: "limits: { event_loop_delay: 40ms }",
  });
  atEnd(() => gateway.stop());
  const accepted = new Map<string, string>();
  const answers: { status: number; code: string | undefined; retryAfter: string | null; tookMs: number }[] = [];
  const health: { status: number; tookMs: number }[] = [];
  let loading = true;
  const watch = (async () => {
    while (loading) {
      for (const path of ["/livez", "/readyz"]) {
        const startedAt = performance.now();
        const { status } = await gateway.get(path);
        health.push({ status, tookMs: performance.now() - startedAt });
      }
    }
  })();
  // What a machine's size decides is left to none: each turn of the loop takes long, as if there were too much to do in it.
  const strain = (async () => {
    while (loading) await blockEventLoop(gateway, 150);
  })();
  const until = performance.now() + 5_000;
  await inParallel(24, 24, async (worker) => {
    for (let index = 0; performance.now() < until; index++) {
      const testId = `${worker}-${index}`;
      const startedAt = performance.now();
      const message = testMessage(testId, `${testId}@example.net`);
      const { status, headers, body } = await gateway.post<MessageView & { code?: string }>("/v1/messages", message);
      answers.push({ status, code: body.code, retryAfter: headers.get("retry-after"), tookMs: performance.now() - startedAt });
      if (status === 202) accepted.set(testId, body.id);
    }
  });
  loading = false;
  await Promise.all([watch, strain]);

  const shed = answers.filter(({ code }) => code === "overloaded");
  assert.ok(shed.length > 0, "some were turned away");
  assert.ok(accepted.size > 0, "others were accepted");
  // A body that finds no room is refused by the same code, later.
  for (const { status, retryAfter } of answers) if (status !== 202) assert.deepEqual([status, retryAfter], [503, "1"]);
  assert.ok(health.length > 0 && health.every(({ status }) => status === 200));
  const counted = async () => {
    const text = await (await fetch(`${gateway.metricsUrl}/metrics`)).text();
    return Number(/^postern_refusals_total\{code="overloaded"\} (\d+)$/m.exec(text)?.[1]) === shed.length;
  };
  await waitFor(counted, { what: "each refusal to be counted, once" });
  await waitFor(async () => (await gateway.post("/v1/messages", testMessage("after", "after@example.net"))).status === 202, {
    what: "a 202 after the load",
    timeoutMs: 10_000,
  });
  const settled = await allSettled(gateway, [...accepted.values()], 60_000);
  assert.ok(settled.every(({ status }) => status === "sent"));
  const expected = new Map([...accepted.keys()].map((testId) => [testId, [`${testId}@example.net`]]));
  expected.set("after", ["after@example.net"]);
  await waitFor(() => relay.accepted.length >= expected.size, { what: "the last message" });
  assert.deepEqual(reconcile({ expected, mails: relay.accepted }), { lost: [], doubled: [], unexpected: [] });
  const slowest = (list: { tookMs: number }[]) => Math.round(Math.max(...list.map(({ tookMs }) => tookMs)));
  t.diagnostic(
    `${accepted.size} accepted, ${shed.length} turned away within ${slowest(shed)} ms, health answered within ${slowest(health)} ms`,
  );
});
