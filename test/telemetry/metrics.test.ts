// The metrics text, held to the conventions of Prometheus.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetrics } from "../../src/telemetry/metrics.ts";

/** Gauges and infos that count things or say yes or no, and so have no unit. */
const withoutUnit = [
  "postern_reports_pending",
  "postern_relay_up",
  "postern_relay_paused",
  "postern_workers",
  "postern_redis_durability",
  "postern_relay_held_connections",
  "postern_relay_connections",
  "postern_queue_depth",
  "postern_redis_up",
  "postern_event_log_backlog",
  "postern_build_info",
];

test("every metric has a help text, and every one of ours a unit in its name", async () => {
  const { registry } = createMetrics();
  const all = await registry.getMetricsAsJSON();
  for (const { name, help, type } of all) {
    assert.ok(help.length > 5, `${name} has no help`);
    assert.ok(name.startsWith("postern_"), name);
    // The process's own metrics are named by prom-client.
    if (/^postern_(process|nodejs)_/.test(name)) continue;
    const suffix = String(type) === "counter" ? /_total$/ : /_(seconds|bytes)$/;
    assert.ok(suffix.test(name) || (String(type) === "gauge" && withoutUnit.includes(name)), `${name} has no unit`);
  }
  assert.ok(all.filter(({ name }) => !/^postern_(process|nodejs)_/.test(name)).length >= 15);
});

test("no label can hold a tenant, an address or an id", async () => {
  const allowed = [
    "method",
    "code",
    "route",
    "status",
    "lane",
    "category",
    "relay",
    "outcome",
    "state",
    "repair",
    "source",
    "kind",
    "change",
    "version",
    "node_version",
  ];
  const { registry: _registry, ...metrics } = createMetrics();
  for (const metric of Object.values(metrics)) {
    const { labelNames } = metric as unknown as { labelNames: string[] };
    assert.deepEqual(
      labelNames.filter((label) => !allowed.includes(label)),
      [],
    );
  }
});

test("what is observed appears in the text, with its labels", async () => {
  const metrics = createMetrics({ version: "1.2.3" });
  metrics.messagesAccepted.inc({ lane: "broadcast" });
  metrics.recipientsSettled.inc({ status: "sent" });
  metrics.timeToSent.observe({ lane: "transactional" }, 7_000);
  metrics.queueDepth.set({ relay: "ses", state: "delayed" }, 3);
  const text = await metrics.registry.metrics();
  assert.match(text, /^postern_messages_accepted_total\{lane="broadcast"\} 1$/m);
  assert.match(text, /^postern_recipients_settled_total\{status="sent"\} 1$/m);
  assert.match(text, /^postern_time_to_sent_seconds_bucket\{le="7200",lane="transactional"\} 1$/m);
  assert.match(text, /^postern_time_to_sent_seconds_bucket\{le="3600",lane="transactional"\} 0$/m);
  assert.match(text, /^postern_queue_depth\{relay="ses",state="delayed"\} 3$/m);
  assert.match(text, /^postern_build_info\{version="1\.2\.3",node_version="v\d+\.[^"]+"\} 1$/m);
  assert.match(text, /^postern_process_cpu_seconds_total /m);
});

test("two registries in one process do not share a value", async () => {
  const [first, second] = [createMetrics(), createMetrics()];
  first.attempts.inc({ relay: "ses", outcome: "accepted" });
  assert.match(await first.registry.metrics(), /postern_attempts_total\{/);
  assert.doesNotMatch(await second.registry.metrics(), /postern_attempts_total\{/);
});
