// One row of the fault matrix: a fault, the promise that holds all the same, and what was measured while it did.
// `npm run faults` sets FAULT_ROWS to a file, to which what became of every row is appended; docs/reliability.md is made of that.
import { appendFileSync } from "node:fs";
import { basename } from "node:path";
import { type TestContext, test } from "node:test";

export type FaultRow = {
  /** The row's place in the table, like "4" or "10b". */
  row: string;
  /** What goes wrong, as a reader of the table understands it. */
  fault: string;
  /** What must hold, said so that it could be false. */
  invariant: string;
};

/** What became of a row: a line of the file FAULT_ROWS, as JSON. */
export type FaultOutcome = FaultRow & {
  /** The test's file, without its folder and `.test.ts`. */
  file: string;
  seconds: number;
} & ({ measured: string } | { failure: string } | { skipped: string });

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
  const note = (outcome: { seconds: number } & ({ measured: string } | { failure: string } | { skipped: string })) => {
    const list = process.env.FAULT_ROWS;
    if (!list) return;
    const { row: place, fault, invariant } = row;
    const file = basename(process.argv[1] ?? "", ".test.ts");
    appendFileSync(list, `${JSON.stringify({ row: place, fault, invariant, file, ...outcome } satisfies FaultOutcome)}\n`);
  };
  if (options.skip) note({ seconds: 0, skipped: String(options.skip) });
  test(`fault ${row.row}: ${row.fault}: ${row.invariant}`, options, async (t) => {
    const startedAt = performance.now();
    const seconds = () => Math.round(performance.now() - startedAt) / 1_000;
    let result: string | undefined;
    try {
      await prove(t, (text) => {
        result = text;
        t.diagnostic(text);
      });
      if (result === undefined) throw new Error("A row of the fault matrix says what it measured");
    } catch (error) {
      note({ seconds: seconds(), failure: error instanceof Error ? error.message : String(error) });
      throw error;
    }
    note({ seconds: seconds(), measured: result });
  });
}
