// What the log says of a collector that takes nothing: enough to know, and never a flood.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createExportReport } from "../../src/telemetry/exportReport.ts";

test("a collector that fails is told once, again at intervals with all that is lost, and once when it works again", () => {
  const lines: unknown[][] = [];
  let now = 0;
  const report = createExportReport({
    log: {
      warn: (...line: unknown[]) => void lines.push(["warn", ...line]),
      info: (...line: unknown[]) => void lines.push(["info", ...line]),
    },
    everyMs: 1_000,
    now: () => now,
  });
  const words = "traces are not exported: the collector does not take them; mail is not affected";
  report.succeeded();
  assert.deepEqual(lines, [], "what works is not told");
  const reason = { text: "connect ECONNREFUSED", code: "ECONNREFUSED" };
  for (; now < 1_000; now += 100) report.failed(10, reason);
  assert.deepEqual(lines.splice(0), [["warn", { reason: reason.text, code: reason.code, spans_lost: 10 }, words]]);
  report.failed(10, { text: "Unauthorized", code: 401 });
  assert.deepEqual(lines.splice(0), [["warn", { reason: "Unauthorized", code: 401, spans_lost: 110 }, words]]);
  report.succeeded();
  report.succeeded();
  assert.deepEqual(lines.splice(0), [["info", { spans_lost: 110 }, "traces are exported again"]]);
  report.failed(1, reason);
  assert.equal(lines.length, 1, "the next time it is told at once");
});
