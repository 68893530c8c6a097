// npm run faults [-- --rounds N] [--write] [FILE…]: the fault matrix, one file after another, and the table of what was measured.
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import type { FaultOutcome } from "../support/faultRow.ts";
import { compareRows, matrixFiles, runFile } from "./outcomes.ts";
import { type TableRow, tableLine, withRows } from "./table.ts";

const document = new URL("../../docs/reliability.md", import.meta.url);
const known = matrixFiles();

function refuse(text: string): never {
  console.error(`${text}\nnpm run faults [-- --rounds N] [--write] [FILE…]; the files: ${[...known.keys()].join(" ")}`);
  process.exit(2);
}

const { values, positionals } = parseArgs({
  options: { rounds: { type: "string", default: "1" }, write: { type: "boolean", default: false } },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) refuse("--rounds takes a whole number from 1");
for (const name of positionals) if (!known.has(name)) refuse(`${name} is no file of the matrix`);
const files = [...known].filter(([name]) => positionals.length === 0 || positionals.includes(name));

const resultOf = (outcome: FaultOutcome): string => {
  if ("measured" in outcome) return outcome.measured;
  return "skipped" in outcome ? `not run: ${outcome.skipped}` : `FAILED: ${outcome.failure}`;
};

const all: FaultOutcome[] = [];
for (let round = 1; round <= rounds; round++) {
  for (const [name, rows] of files) {
    const { outcomes, output } = await runFile(name, rows);
    all.push(...outcomes);
    const hasFailed = outcomes.some((outcome) => "failure" in outcome);
    if (hasFailed) console.error(output);
    for (const outcome of outcomes) {
      const place = `round ${round}  ${outcome.row.padEnd(4)}  ${outcome.seconds.toFixed(1).padStart(5)} s`;
      console.error(`${place}  ${name}: ${resultOf(outcome)}`);
    }
  }
}

/** One line for each row, of all rounds: what it measured last, and the longest that it took. */
const rows = [...new Set(all.map(({ row }) => row))].sort(compareRows).map((row) => {
  const own = all.filter((outcome) => outcome.row === row);
  const shown = own.find((outcome) => "failure" in outcome) ?? own.at(-1);
  return { shown: shown as FaultOutcome, seconds: Math.max(...own.map(({ seconds }) => seconds)) };
});
console.log(tableLine(["row", "fault", "what must hold", "measured", "seconds"]));
console.log("|---|---|---|---|---|");
for (const { shown, seconds } of rows)
  console.log(tableLine([shown.row, shown.fault, shown.invariant, resultOf(shown), seconds.toFixed(1)]));

const failures = all.filter((outcome) => "failure" in outcome).length;
const took = all.reduce((sum, { seconds }) => sum + seconds, 0);
console.log(
  `\n${rows.length} rows, ${rounds === 1 ? "1 round" : `${rounds} rounds`}, ${failures} failures; ${Math.round(took)} s of faults`,
);
if (failures > 0) process.exit(1);
if (values.write) {
  const shown = rows.flatMap((row): TableRow[] => ("failure" in row.shown ? [] : [row.shown]));
  const day = new Date().toISOString().slice(0, 10);
  const machine = `${availableParallelism()} cores, Node ${process.versions.node}`;
  const how = `Measured on ${day}, ${machine}: ${rounds === 1 ? "one round" : `${rounds} rounds in a row`}, no failure. The figures are those of the last.`;
  const isWhole = files.length === known.size;
  await writeFile(document, withRows(await readFile(document, "utf8"), shown, known, isWhole ? how : undefined));
}
