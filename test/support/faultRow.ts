// One row of the fault matrix: a fault, the promise that holds all the same, and what was measured while it did.
// `npm run faults` sets FAULT_ROWS to a file; every row that passed is appended there, and docs/reliability.md is made of them.
import { appendFileSync } from "node:fs";
import { relative } from "node:path";
import { type TestContext, test } from "node:test";

export type FaultRow = {
  /** The row's place in the table, like "4" or "10b". */
  row: string;
  /** What goes wrong, as a reader of the table understands it. */
  fault: string;
  /** What must hold, said so that it could be false. */
  invariant: string;
};

/**
 * Registers the test of one fault.
 * @param prove provokes the fault and asserts the invariant; what it gives to `measured` is the table's last column, in words and figures
 * @param options where the test cannot run: why, like `asRoot` for Postfix
 */
export function faultRow(
  row: FaultRow,
  prove: (t: TestContext, measured: (result: string) => void) => Promise<void>,
  options: { skip?: string | boolean } = {},
): void {
  test(`fault ${row.row}: ${row.fault}: ${row.invariant}`, options, async (t) => {
    let result: string | undefined;
    await prove(t, (text) => {
      result = text;
      t.diagnostic(text);
    });
    if (result === undefined) throw new Error("A row of the fault matrix says what it measured");
    const file = process.env.FAULT_ROWS;
    if (file)
      appendFileSync(file, `${JSON.stringify({ ...row, measured: result, test: relative(process.cwd(), process.argv[1] ?? "") })}\n`);
  });
}
