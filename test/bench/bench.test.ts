import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { startProcess } from "../support/process.ts";
import { waitFor } from "../support/waitFor.ts";
import { ratiosOf } from "./comparison.ts";
import type { Turn } from "./contender.ts";
import { startCountingSink } from "./countingSink.ts";
import { cpuSecondsOf } from "./cpu.ts";
import type { GeneratorOrder, GeneratorReport } from "./generator.ts";
import { source } from "./peers/floor.ts";
import { writeMail } from "./peers/mailFile.ts";
import { svgOf } from "./plot.ts";
import { withSection } from "./report.ts";
import { median, spreadOf } from "./statistics.ts";
import { startWorkshop } from "./workshop.ts";

test("CPU time counts what a program's children used, while they run and after they have ended", async (t) => {
  const busy = "for i in $(seq 300000); do :; done";
  const program = await startProcess({ command: "/bin/sh", args: ["-c", `sh -c '${busy}'; sleep 60`], env: { PATH: "/usr/bin:/bin" } });
  t.after(() => program.stop(0));
  const spent = () => cpuSecondsOf([{ name: "busy", pid: program.pid }]).get("busy") ?? 0;
  await waitFor(() => spent() > 0.05, { what: "the child's time to be counted", timeoutMs: 20_000 });
  // It never goes back, not even at the moment at which the child is buried.
  let before = 0;
  for (let look = 0; look < 50; look++) {
    const now = spent();
    assert.ok(now >= before, `${now} after ${before}`);
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test("an open loop counts a stall for every request that should have begun during it", async (t) => {
  const stalledMs = 400;
  let answered = 0;
  const server = createServer((request, response) => {
    request.resume();
    answered += 1;
    // The whole server stands still, once.
    if (answered === 20) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stalledMs);
    response.writeHead(202, { "content-length": 2 }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const generator = await startWorkshop<GeneratorOrder, GeneratorReport>("generator.ts");
  t.after(() => generator.stop());
  const { port } = server.address() as { port: number };
  const order: GeneratorOrder = { port, apiKey: "none", recipe: "short", requests: 200, connections: 2, perSecond: 200 };
  const { latencies, refused } = await generator.ask(order);
  assert.equal(refused, 0);
  assert.ok(latencies.max >= stalledMs * 0.9, `the longest took ${latencies.max} ms`);
  // Eighty of two hundred began while it stood still, at even distances: a fifth of all waited for half of it at least.
  assert.ok(latencies.p99 >= stalledMs * 0.75, `p99 was ${latencies.p99} ms`);
});

test("the sink counts every message that it answered", async (t) => {
  const sink = await startCountingSink();
  t.after(() => sink.stop());
  const mail = await writeMail("plain");
  t.after(() => mail.stop());
  assert.equal(sink.taken(), 0);
  await source({ port: sink.port, file: mail.path, messages: 137, recipients: 1 });
  await sink.untilTaken(137);
  assert.equal(sink.taken(), 137);
});

test("a ratio compares figures of the same round, in whatever order the contenders had their turns", () => {
  const turn = (contender: string, perSecond: number): Turn => ({ contender, messages: 1, perSecond, cpu: {}, cpuTotal: 1 });
  const turns = [turn("a", 10), turn("b", 20), turn("b", 90), turn("a", 30)];
  assert.deepEqual(
    ratiosOf(turns, "b", "a", ({ perSecond }) => perSecond),
    { median: 2.5, min: 2, max: 3 },
  );
});

test("a median is the middle, or between the two in the middle; a range holds every value", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
  assert.deepEqual(spreadOf([5, 1, 3]), { median: 3, min: 1, max: 5 });
});

test("a case's section takes its own place in the page, and no other's", () => {
  const page = withSection(withSection("# Page\n", "one", "first"), "two", "second");
  const changed = withSection(page, "one", "third");
  assert.equal(changed, page.replace("first", "third"));
  assert.equal(withSection(changed, "one", "first"), page);
});

test("a plot's bars are as long as their values, and names cannot break out of the picture", () => {
  const bars = [
    { label: "half", value: 5, min: 5, max: 5 },
    { label: 'whole & "<b>"', value: 10, min: 9, max: 10 },
  ];
  const svg = svgOf({ file: "x", title: "Plot", unit: "µs", bars });
  const [half = 0, whole = 0] = [...svg.matchAll(/<rect [^>]*?width="([\d.]+)"/g)].map(([, width]) => Number(width));
  assert.ok(Math.abs(whole / half - 2) < 0.01);
  assert.ok(svg.includes("whole &amp; &quot;&lt;b>&quot;"));
  assert.ok(!svg.includes("<b>"));
});
