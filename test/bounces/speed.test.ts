// Proves that reports are parsed as fast as they can come in, and that none up to 1 MiB holds the others up: as they are, grown to 1 MiB
// by what they return, cut off, and damaged. Processor time, as a busy machine is not the parser's fault.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseReport } from "../../src/bounces/parseReport.ts";

/** On one core. */
const reportsPerSecondMin = 1_000;
const p99MsMax = 50;
const mebibyte = 1_048_576;

/** The reports of our own, or those that BOUNCE_CORPUS names. */
const folder = process.env.BOUNCE_CORPUS
  ? join(process.env.BOUNCE_CORPUS, "examples")
  : fileURLToPath(new URL("fixtures", import.meta.url));
const reports = readdirSync(folder)
  .filter((file) => file.endsWith(".eml"))
  .map((file) => readFileSync(join(folder, file)));

function cpuMs(task: () => void): number {
  const before = process.cpuUsage();
  task();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Each one's processor time in ms, ascending. What took too long is asked twice more: a collection of garbage may have been in its way. */
function times(raws: Iterable<Buffer>): number[] {
  const took: number[] = [];
  for (const raw of raws) {
    let best = cpuMs(() => parseReport(raw));
    for (let i = 0; i < 2 && best > p99MsMax; i++)
      best = Math.min(
        best,
        cpuMs(() => parseReport(raw)),
      );
    took.push(best);
  }
  return took.sort((a, b) => a - b);
}

function checkTimes(context: TestContext, took: readonly number[]): void {
  const percentile = (share: number) => took[Math.floor(share * (took.length - 1))] ?? 0;
  const [median, p99, longest] = [0.5, 0.99, 1].map((share) => percentile(share).toFixed(2));
  context.diagnostic(`${took.length} reports: ${median} ms (median), ${p99} ms (p99), ${longest} ms (longest)`);
  assert.ok(percentile(0.99) < p99MsMax, `${p99} ms (p99)`);
}

test("1,000 reports a second go through the parser on one core", (context) => {
  for (let round = 0; round < 3; round++) for (const raw of reports) parseReport(raw);
  const rounds = Math.ceil(1_000 / reports.length);
  // The best of three, as everything else on the machine only makes it slower.
  const rates = [1, 2, 3].map(() => {
    const ms = cpuMs(() => {
      for (let round = 0; round < rounds; round++) for (const raw of reports) parseReport(raw);
    });
    return (1_000 * rounds * reports.length) / ms;
  });
  const rate = Math.round(Math.max(...rates));
  context.diagnostic(`${rate} reports a second of processor time`);
  assert.ok(rate >= reportsPerSecondMin, `${rate} reports a second`);
});

test("a report that returns so much that it has 1 MiB takes less than 50 ms (p99)", (context) => {
  const grown = reports.flatMap((raw) => {
    const ending = [
      "The quick brown fox jumps over the lazy dog, and writes to user@example.com about it.\r\n",
      `${"QUJD".repeat(18)}\r\n`,
      "<p>550 5.1.1 &lt;user@example.com&gt; <b>unknown</b></p>\r\n",
    ];
    const more = ending.map((line) => Buffer.concat([raw, Buffer.from(line.repeat(Math.ceil(mebibyte / line.length)))]));
    // The same over and over: every part comes again.
    const again = Buffer.concat(Array.from({ length: Math.ceil(mebibyte / raw.length) }, () => raw));
    return [...more, again].map((whole) => whole.subarray(0, mebibyte));
  });
  // Not all of them: they take a while to make.
  const step = Math.ceil(grown.length / 200);
  checkTimes(context, times(grown.filter((_, index) => index % step === 0)));
});

test("a report that is cut off or damaged takes less than 50 ms (p99)", (context) => {
  function* broken() {
    for (const [number, raw] of reports.entries()) {
      for (let part = 1; part < 8; part++) {
        const at = Math.floor((raw.length * part) / 8) + (number % 7);
        yield raw.subarray(0, at);
        const damaged = Buffer.from(raw);
        damaged.fill(number % 256, at, at + 3);
        yield damaged;
      }
    }
  }
  checkTimes(context, times(broken()));
});
