// How fast reports are parsed, on one core: reports a second, and the time that 99 of 100 stay under.
// `node --import tsx test/bench/bounces.ts [FOLDER]`: the `.eml` files of a folder, by default those that the tests use.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseReport } from "../../src/bounces/parseReport.ts";

const measuredMs = 5_000;

const folder = process.argv[2] ?? fileURLToPath(new URL("../bounces/fixtures", import.meta.url));
const reports = readdirSync(folder)
  .filter((file) => file.endsWith(".eml"))
  .map((file) => readFileSync(join(folder, file)));
if (reports.length === 0) throw new Error(`there is no .eml file in ${folder}`);

// A warm-up, so that the compiler's work does not count.
for (let round = 0; round < 5; round++) for (const raw of reports) parseReport(raw);

const took: number[] = [];
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
while (performance.now() - startedAt < measuredMs) {
  for (const raw of reports) {
    const before = performance.now();
    parseReport(raw);
    took.push(performance.now() - before);
  }
}
const { user, system } = process.cpuUsage(cpuBefore);
const cpuSeconds = (user + system) / 1_000_000;
took.sort((a, b) => a - b);
const percentile = (share: number) => (took[Math.floor(share * (took.length - 1))] ?? 0).toFixed(2);
const octets = reports.reduce((sum, raw) => sum + raw.length, 0) / reports.length;
process.stdout.write(
  `${reports.length} reports of ${(octets / 1_024).toFixed(1)} KiB on average: ${Math.round(took.length / cpuSeconds)} reports/s of processor time; ` +
    `each ${percentile(0.5)} ms (median), ${percentile(0.99)} ms (p99), ${percentile(1)} ms (longest)\n`,
);
