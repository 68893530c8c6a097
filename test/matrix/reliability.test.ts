// docs/reliability.md and the tests are of one mind.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { compareRows, matrixFiles } from "./outcomes.ts";
import { rowsOfTable, type TableRow, withRows } from "./table.ts";

const files = matrixFiles();
const known = [...files].flatMap(([file, rows]) => rows.map((row) => ({ row, file })));

test("every row of the matrix stands in the table of docs/reliability.md, with its file, and nothing else does", async () => {
  const text = await readFile(new URL("../../docs/reliability.md", import.meta.url), "utf8");
  const listed = rowsOfTable(text);
  assert.deepEqual(
    listed,
    known.toSorted((one, other) => compareRows(one.row, other.row)),
    "run npm run faults -- --write",
  );
});

test("every file of the matrix has a row, no row has two tests, and the faults are numbered without a gap", () => {
  for (const [file, rows] of files) assert.notEqual(rows.length, 0, `${file} has no faultRow`);
  const rows = known.map(({ row }) => row);
  assert.equal(new Set(rows).size, rows.length);
  const numbers = new Set(rows.map((row) => Number.parseInt(row, 10)).filter((number) => !Number.isNaN(number)));
  assert.ok(numbers.size >= 34, "a fault that was proven is proven no more");
  assert.equal(Math.max(...numbers), numbers.size);
});

const page = [
  "# A page",
  "<!-- The lines from here to the end of the table are written by `npm run faults -- --write`. -->",
  "<!-- The end of the table. -->",
  "its end",
].join("\n");
const rowOf = (row: string, file: string, measured: string): TableRow => ({
  ...{ row, file, measured, fault: "a | b\nc", invariant: "it holds", seconds: 1 },
});
const some = new Map([
  ["one", ["1", "10"]],
  ["two", ["2"]],
]);

test("a run of a part of the matrix changes its own rows of the table and leaves the others, and the text around it, as they are", () => {
  const whole = withRows(page, [rowOf("10", "one", "ten"), rowOf("2", "two", "two"), rowOf("1", "one", "one")], some, "Measured once.");
  assert.deepEqual(rowsOfTable(whole), [
    { row: "1", file: "one" },
    { row: "2", file: "two" },
    { row: "10", file: "one" },
  ]);
  const part = withRows(whole, [rowOf("2", "two", "two again")], some);
  assert.equal(part, whole.replace("| two |", "| two again |"));
  assert.match(part, /^# A page\n.*\n\nMeasured once\.\n\n\| row [\s\S]*\nits end$/);
});

test("a row that was skipped keeps what was measured before, and a row without a test goes", () => {
  const whole = withRows(page, [rowOf("1", "one", "one"), rowOf("2", "two", "two")], some);
  const skipped: TableRow = { row: "2", file: "two", fault: "", invariant: "", seconds: 0, skipped: "no root" };
  assert.equal(withRows(whole, [skipped], some), whole);
  assert.match(withRows(page, [skipped], some), /\| not measured here: no root \|/);
  assert.deepEqual(rowsOfTable(withRows(whole, [], new Map([["one", ["1"]]]))), [{ row: "1", file: "one" }]);
});

test("a page without the markers, or with a line that is not of the table's making, is refused", () => {
  assert.throws(() => rowsOfTable("# A page"), /must hold these two lines/);
  const broken = withRows(page, [rowOf("1", "one", "one")], some).replace("-- one`", "-- two`");
  assert.throws(() => rowsOfTable(broken), /not a row of the table/);
});
