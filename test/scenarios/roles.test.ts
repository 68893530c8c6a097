// The roles: one API and two workers as processes of their own, over one Redis.
import assert from "node:assert/strict";
import { test } from "node:test";
import { atEndOf } from "../support/atEnd.ts";
import { freePort } from "../support/freePort.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { allSettled, expectedOf, sendBatches, testMessage } from "../support/mailing.ts";
import { startProxy } from "../support/proxy.ts";
import { reconcile } from "../support/reconcile.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();

const read = async (gateway: Gateway, path: string) => {
  const response = await fetch(`${gateway.metricsUrl}${path}`, { signal: AbortSignal.timeout(5_000) });
  return { status: response.status, text: await response.text() };
};

/** The sum over all label sets of one metric of a process. */
async function sumOf(gateway: Gateway, name: string): Promise<number> {
  const { text } = await read(gateway, "/metrics");
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].map(([, value]) => Number(value));
  return values.reduce((sum, value) => sum + value, 0);
}

test("one API and two workers: the workers share the work, each process tells its metrics, and readiness follows Redis", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay({ onData: () => ({ delayMs: 20 }) });
  atEnd(relay.stop);
  const proxy = await startProxy({ target: { port: redis.port } });
  atEnd(proxy.stop);
  const redisUrl = redis.freshUrl().replace(`:${redis.port}`, `:${proxy.port}`);
  const start = async (role: "api" | "worker") => {
    const env = { REDIS_URL: redisUrl, SMTP_URL: `${relay.url}?connections=5`, METRICS_PORT: String(await freePort()) };
    const gateway = await startGateway({ env, args: ["--role", role] });
    atEnd(() => gateway.stop());
    return gateway;
  };
  const [api, one, other] = await Promise.all([start("api"), start("worker"), start("worker")]);
  assert.deepEqual([one.url, other.url], ["", ""], "a worker has no API");

  const messages = Array.from({ length: 300 }, (_, index) => testMessage(`m${index}`, `r${index}@example.net`));
  await allSettled(api, await sendBatches(api, messages));
  assert.deepEqual(reconcile({ expected: expectedOf(messages), mails: relay.accepted }), { lost: [], doubled: [], unexpected: [] });
  const attemptsOfOne = await sumOf(one, "postern_attempts_total");
  const attemptsOfOther = await sumOf(other, "postern_attempts_total");
  assert.equal(attemptsOfOne + attemptsOfOther, 300);
  assert.ok(Math.min(attemptsOfOne, attemptsOfOther) >= 50, `the workers made ${attemptsOfOne} and ${attemptsOfOther} attempts`);
  assert.equal(await sumOf(api, "postern_messages_accepted_total"), 300);
  assert.equal(await sumOf(api, "postern_attempts_total"), 0);

  for (const gateway of [api, one, other]) {
    assert.equal((await read(gateway, "/livez")).status, 200);
    assert.equal((await read(gateway, "/readyz")).status, 200);
    const { status, text } = await read(gateway, "/metrics");
    assert.equal(status, 200);
    for (const name of [
      "postern_http_request_duration_seconds",
      "postern_messages_accepted_total",
      "postern_recipients_settled_total",
      "postern_attempts_total",
      "postern_attempt_duration_seconds",
      "postern_time_to_sent_seconds",
      "postern_relay_connections",
      "postern_queue_depth",
      "postern_oldest_waiting_seconds",
      "postern_webhook_deliveries_total",
      "postern_webhook_delivery_duration_seconds",
      "postern_event_log_backlog",
      "postern_upkeep_repairs_total",
      "postern_redis_up",
      "postern_build_info",
    ]) {
      assert.ok(text.includes(`# TYPE ${name} `), `${name} is missing`);
    }
    for (const secret of ["r1@example.net", "msg_", gateway.apiKey]) assert.ok(!text.includes(secret), "labels name no address, id or key");
    assert.equal(await sumOf(gateway, "postern_redis_up"), 1);
  }
  // Counted off the log, which the workers read together.
  const settled = async () =>
    (await sumOf(one, "postern_recipients_settled_total")) + (await sumOf(other, "postern_recipients_settled_total"));
  await waitFor(async () => (await settled()) === 300, { what: "every recipient to be counted once" });
  assert.equal((await sumOf(one, "postern_time_to_sent_seconds_count")) + (await sumOf(other, "postern_time_to_sent_seconds_count")), 300);
  assert.ok((await sumOf(api, "postern_http_request_duration_seconds_count")) >= 302);
  // The API's own port says the same, for whoever has no other.
  for (const path of ["/livez", "/readyz"]) assert.equal((await fetch(`${api.url}${path}`)).status, 200);

  await proxy.refuse();
  proxy.cut();
  for (const gateway of [api, one, other]) {
    await waitFor(async () => (await read(gateway, "/readyz")).status === 503, { what: "a process to say that it is not ready" });
    assert.equal((await read(gateway, "/livez")).status, 200, "to start it again would not help");
    assert.equal(await sumOf(gateway, "postern_redis_up"), 0);
  }
  await proxy.accept();
  for (const gateway of [api, one, other]) {
    await waitFor(async () => (await read(gateway, "/readyz")).status === 200, { what: "a process to be ready again" });
    assert.equal(await sumOf(gateway, "postern_redis_up"), 1);
  }
});
