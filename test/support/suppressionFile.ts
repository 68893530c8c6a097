// Suppressions by the hundred thousand: a file that is made as it is sent, and what a process needs for it.
import { readFile } from "node:fs/promises";
import type { Gateway } from "./gateway.ts";

export type ImportAnswer = {
  added: number;
  unchanged: number;
  failed: number;
  complete: boolean;
  errors: { line: number; code: string }[];
};

/** The address of a row, from 0. */
export function rowAddress(index: number): string {
  return `recipient-${index}@customers.example.net`;
}

/** A file of so many rows; every `faultyEvery`th has no address in it. */
async function* fileOf(rows: number, faultyEvery: number): AsyncGenerator<Uint8Array> {
  yield Buffer.from("address,reason,category,created_at,expires_at\r\n");
  for (let index = 0; index < rows; ) {
    let chunk = "";
    for (const end = Math.min(rows, index + 1_000); index < end; index++) {
      const address = (index + 1) % faultyEvery === 0 ? "nobody" : rowAddress(index);
      chunk += `${address},bounce,invalid_recipient,2024-02-29T12:00:00.000Z,\r\n`;
    }
    yield Buffer.from(chunk);
  }
}

/** Imports so many rows. The answer may take as long as the file. */
export async function importRows(gateway: Gateway, rows: number, faultyEvery = Number.POSITIVE_INFINITY): Promise<ImportAnswer> {
  const response = await fetch(`${gateway.url}/v1/suppressions/import`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.apiKey}`, "content-type": "text/csv" },
    body: fileOf(rows, faultyEvery) as unknown as ReadableStream,
    duplex: "half",
  } as RequestInit);
  if (response.status !== 200) throw new Error(`the import was answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as ImportAnswer;
}

/** Reads an export to its end: how many lines it has, and its last row. */
export async function exportRows(gateway: Gateway): Promise<{ lines: number; last: string }> {
  const response = await fetch(`${gateway.url}/v1/suppressions/export`, { headers: { authorization: `Bearer ${gateway.apiKey}` } });
  if (response.status !== 200 || !response.body) throw new Error(`the export was answered ${response.status}`);
  let lines = 0;
  let rest = "";
  let last = "";
  for await (const chunk of response.body) {
    const parts = (rest + Buffer.from(chunk).toString()).split("\r\n");
    rest = parts.pop() ?? "";
    lines += parts.length;
    last = parts.at(-1) ?? last;
  }
  if (rest !== "") throw new Error("the export was cut off");
  return { lines, last };
}

/** The most memory that a process ever had, in bytes (Linux; elsewhere undefined). */
export async function peakMemoryBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
