// Spans by a real collector: which traces are kept, what they are hung on, and that a collector holds nobody up.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { TracingConfig } from "../../src/domain/tracing.ts";
import { openTracing } from "../../src/telemetry/openTelemetry.ts";
import { startOtlpCollector } from "../support/otlpCollector.ts";

const collector = await startOtlpCollector();
after(collector.stop);
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const traceId = "0af7651916cd43dd8448eb211c80319c";
const kept = `00-${traceId}-b7ad6b7169203331-01`;
const unkept = kept.replace(/01$/, "00");

function open(changes: Partial<TracingConfig> = {}) {
  const config: TracingConfig = {
    url: `${collector.url}/v1/traces`,
    protocol: "http/protobuf",
    headers: { "x-collector-key": "k1" },
    timeoutMs: 2_000,
    serviceName: "postern",
    attributes: {},
    sampling: { followsCaller: true, ratio: 1 },
    exportEveryMs: 60_000,
    spansMax: 2_048,
    ...changes,
  };
  return openTracing(config, { log: silent, version: "1.2.3" });
}

const step = { name: "step", kind: "internal" as const };

test("a span is exported with its parent, times, attributes, error and the headers that are asked for, in both encodings", async () => {
  for (const protocol of ["http/protobuf", "http/json"] as const) {
    const tracing = open({ protocol });
    const span = tracing.begin(
      {
        name: "parent",
        kind: "server",
        startedAt: 1_700_000_000_000.25,
        attributes: { word: "w", number: 7, flag: true, list: ["a", "b"] },
      },
      { traceparent: kept, tracestate: "a=1,b=2" },
    );
    span.begin(step).end({ errorType: "broken" });
    span.end({ endedAt: 1_700_000_001_000 });
    await tracing.stop(5_000);
    const [child, parent] = collector.spans.splice(0);
    assert.deepEqual(
      [parent?.traceId, parent?.parentSpanId, parent?.traceState, parent?.kind],
      [traceId, "b7ad6b7169203331", "a=1,b=2", 2],
      protocol,
    );
    assert.deepEqual([parent?.startedAt, parent?.endedAt], [1_700_000_000_000.25, 1_700_000_001_000]);
    assert.deepEqual(parent?.attributes, { word: "w", number: 7, flag: true, list: ["a", "b"] });
    assert.deepEqual([parent?.resource["service.name"], parent?.resource["service.version"]], ["postern", "1.2.3"]);
    assert.deepEqual([child?.parentSpanId, child?.isError, child?.attributes], [parent?.spanId, true, { "error.type": "broken" }]);
    const request = collector.requests.at(-1);
    assert.deepEqual([request?.path, request?.headers["x-collector-key"]], ["/v1/traces", "k1"]);
  }
});

test("what is no W3C trace context begins a trace of its own", async () => {
  const tracing = open();
  const wrong = [
    "",
    "garbage",
    `01${kept.slice(2)}`.replace("01-", "ff-"),
    kept.toUpperCase(),
    `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `${kept}-more`,
    // As Node joins a header that came twice.
    `${kept}, ${kept}`,
    "x".repeat(100_000),
  ];
  for (const traceparent of wrong) {
    const { context } = tracing.begin(step, { traceparent });
    assert.match(context?.traceparent ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    assert.ok(!context?.traceparent.includes(traceId), traceparent.slice(0, 80));
  }
  assert.equal(tracing.begin(step, { traceparent: kept, tracestate: `a=${"x".repeat(600)}` }).context?.tracestate, undefined, "too long");
  assert.equal(tracing.begin(step, { traceparent: kept, tracestate: "" }).context?.tracestate, undefined);
  await tracing.stop(1_000);
});

test("which traces are kept: as the caller says, else by the ratio; one that nobody keeps leaves nothing to hand on", async () => {
  const cases: [TracingConfig["sampling"], Record<string, [isKept: boolean, handsOn: boolean]>][] = [
    [
      { followsCaller: true, ratio: 1 },
      { kept: [true, true], unkept: [false, true], none: [true, true] },
    ],
    [
      { followsCaller: true, ratio: 0 },
      { kept: [true, true], unkept: [false, true], none: [false, false] },
    ],
    [
      { followsCaller: false, ratio: 0 },
      { kept: [false, true], unkept: [false, true], none: [false, false] },
    ],
    [
      { followsCaller: false, ratio: 1 },
      { kept: [true, true], unkept: [true, true], none: [true, true] },
    ],
  ];
  for (const [sampling, expected] of cases) {
    const tracing = open({ sampling });
    for (const [which, traceparent] of Object.entries({ kept, unkept, none: undefined })) {
      const span = tracing.begin(step, { traceparent });
      const child = span.begin(step);
      const found = [span, child].map((it) => [it.isKept, it.context !== undefined]);
      assert.deepEqual(found, [expected[which], expected[which]], JSON.stringify([sampling, which]));
      if (span.context && traceparent) assert.ok(span.context.traceparent.startsWith(`00-${traceId}-`));
    }
    await tracing.stop(1_000);
    collector.spans.splice(0);
  }
});

test("a ratio keeps about that part of all traces, and every process the same ones", async () => {
  const [one, other] = [
    open({ sampling: { followsCaller: false, ratio: 0.25 } }),
    open({ sampling: { followsCaller: false, ratio: 0.25 } }),
  ];
  const ids = Array.from({ length: 2_000 }, (_, index) =>
    (BigInt(index) * 2_654_435_761_123_456_789n).toString(16).padStart(32, "1").slice(-32),
  );
  const keptBy = (tracing: typeof one) => ids.filter((id) => tracing.begin(step, { traceparent: `00-${id}-b7ad6b7169203331-01` }).isKept);
  const found = keptBy(one);
  assert.ok(found.length > 300 && found.length < 700, `${found.length} of 2000`);
  assert.deepEqual(keptBy(other), found);
  await Promise.all([one.stop(1_000), other.stop(1_000)]);
});

test("spans beyond the room for them are dropped, and those that have room are exported", async () => {
  const tracing = open({ spansMax: 512, exportEveryMs: 60_000 });
  collector.spans.splice(0);
  for (let index = 0; index < 5_000; index++) tracing.begin(step).end();
  await tracing.stop(5_000);
  assert.ok(collector.spans.length >= 512 && collector.spans.length <= 1_024, `${collector.spans.length} came`);
});

test("a stop waits no longer than it may, whatever the collector does", async () => {
  const hanging = await startOtlpCollector();
  hanging.answerWith({ hang: true });
  const tracing = open({ url: `${hanging.url}/v1/traces` });
  tracing.begin(step).end();
  const startedAt = performance.now();
  await tracing.stop(200);
  assert.ok(performance.now() - startedAt < 1_500);
  await hanging.stop();
});
