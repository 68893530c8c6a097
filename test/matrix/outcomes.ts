// The rows of the fault matrix: which there are, and how one file of them is run.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FaultOutcome } from "../support/faultRow.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = "test/scenarios/faults";

/** Every file of the matrix, without its folder and `.test.ts`, with the rows that it proves. */
export function matrixFiles(): Map<string, string[]> {
  const names = readdirSync(join(root, folder)).flatMap((name) => /^(.+)\.test\.ts$/.exec(name)?.[1] ?? []);
  const rowsOf = (name: string) => {
    const source = readFileSync(join(root, folder, `${name}.test.ts`), "utf8");
    return [...source.matchAll(/\brow: "([^"]+)"/g)].map(([, row = ""]) => row);
  };
  const files = names.map((name): [string, string[]] => [name, rowsOf(name)]);
  return new Map(files.sort(([, [one = ""]], [, [other = ""]]) => compareRows(one, other)));
}

/** The order of the table: 1, 2, 2b, …, 10; what has no number comes last. */
export function compareRows(one: string, other: string): number {
  const numberOf = (row: string) => Number(/^\d+/.exec(row)?.[0] ?? Number.POSITIVE_INFINITY);
  const [left, right] = [numberOf(one), numberOf(other)];
  return left === right ? one.localeCompare(other, "en") : left - right;
}

/**
 * Runs one file in a process of its own. A row of it that told nothing, because the file died or took too long, has failed.
 * @returns its rows, and all that it printed
 */
export async function runFile(name: string, rows: readonly string[]): Promise<{ outcomes: FaultOutcome[]; output: string }> {
  const scratch = await temporaryFolder({ name: "matrix" });
  try {
    const list = join(scratch.path, "rows.jsonl");
    const imports = ["--import", "tsx", "--import", "./test/support/threads.mjs"];
    const options = ["--test", "--test-timeout=300000", "--test-reporter=spec"];
    const child = spawn(process.execPath, [...imports, ...options, `${folder}/${name}.test.ts`], {
      cwd: root,
      env: { ...process.env, FAULT_ROWS: list },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    const [code] = (await once(child, "close")) as [number | null];
    const told = (await readFile(list, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
    const outcomes = told.map((line) => JSON.parse(line) as FaultOutcome);
    const unheard = rows.filter((row) => !outcomes.some((outcome) => outcome.row === row));
    // What the test had proven may still fail while its processes are stopped.
    const failure = `the file ended with ${code ?? "a signal"}`;
    if (code !== 0 && outcomes.every((outcome) => !("failure" in outcome))) unheard.push(`${rows[0]}, after its end`);
    outcomes.push(...unheard.map((row) => ({ row, fault: "", invariant: "", file: name, seconds: 0, failure })));
    return { outcomes, output };
  } finally {
    await scratch.remove();
  }
}
