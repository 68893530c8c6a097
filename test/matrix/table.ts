// The table of docs/reliability.md: made of what was measured, and read back.
import type { FaultOutcome } from "../support/faultRow.ts";
import { compareRows } from "./outcomes.ts";

const begin = "<!-- The lines from here to the end of the table are written by `npm run faults -- --write`. -->";
const end = "<!-- The end of the table. -->";
const heading = ["| row | fault | what must hold | measured | again |", "|---|---|---|---|---|"];

export type TableRow = Exclude<FaultOutcome, { failure: string }>;

/** A line of a Markdown table. */
export function tableLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")).join(" | ")} |`;
}

function lineOf(outcome: TableRow): string {
  const { row, fault, invariant, file } = outcome;
  const measured = "measured" in outcome ? outcome.measured : `not measured here: ${outcome.skipped}`;
  return tableLine([`[${row}](../test/scenarios/faults/${file}.test.ts)`, fault, invariant, measured, `\`npm run faults -- ${file}\``]);
}

type Place = { row: string; file: string };

/** Where a line of the table belongs. */
function placeOf(line: string): Place | undefined {
  const [, row, file, again] =
    /^\| \[([^\]]+)\]\(\.\.\/test\/scenarios\/faults\/(\w+)\.test\.ts\) \|.*\| `npm run faults -- (\w+)` \|$/.exec(line) ?? [];
  return row !== undefined && file !== undefined && file === again ? { row, file } : undefined;
}

/**
 * Takes the text of the document apart.
 * @throws Error if the markers are not there
 */
function partsOf(text: string): { before: string; how: string; lines: string[]; after: string } {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`docs/reliability.md must hold these two lines: ${begin} and ${end}`);
  const written = text.slice(from + begin.length, to).split("\n");
  const lines = written.filter((line) => line.startsWith("| ["));
  const how = written.find((line) => line !== "" && !line.startsWith("|")) ?? "";
  return { before: text.slice(0, from), how, lines, after: text.slice(to + end.length) };
}

/**
 * The rows of the table, in its order.
 * @throws Error if the markers are not there, or a line is not one that `withRows` has written
 */
export function rowsOfTable(text: string): Place[] {
  return partsOf(text).lines.map((line) => {
    const place = placeOf(line);
    if (!place) throw new Error(`not a row of the table: ${line}`);
    return place;
  });
}

/**
 * The document with these rows in its table. Rows that were not measured now stay as they are, as long as there are such tests; what was
 * skipped now, but measured before, too.
 * @param known each file of the matrix with its rows
 * @param how a sentence on where and when it was measured; a run of a part of the matrix does not change it
 */
export function withRows(text: string, rows: readonly TableRow[], known: ReadonlyMap<string, readonly string[]>, how?: string): string {
  const parts = partsOf(text);
  const table = new Map<string, string>();
  for (const line of parts.lines) {
    const place = placeOf(line);
    if (place && known.get(place.file)?.includes(place.row)) table.set(place.row, line);
  }
  for (const row of rows) if ("measured" in row || !table.has(row.row)) table.set(row.row, lineOf(row));
  const sorted = [...table].sort(([one], [other]) => compareRows(one, other)).map(([, line]) => line);
  return `${parts.before}${[begin, "", how ?? parts.how, "", ...heading, ...sorted, "", end].join("\n")}${parts.after}`;
}
