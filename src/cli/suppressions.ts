// `postern suppressions import|export`: the list as a CSV file, of any size, with a bar that says how far it is.
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { Presets, SingleBar } from "cli-progress";
import type { ImportError } from "../http/suppressions/importCsv.ts";
import type { Remote } from "./remote.ts";
import type { Terminal } from "./terminal.ts";

type Imported = Record<"added" | "strengthened" | "unchanged" | "failed", number> & {
  complete: boolean;
  errors: ImportError[];
  ignored_columns: string[];
};

const errorsShown = 20;
const barFormat = "{bar} {percentage}%  {value}/{total} kB";
const countFormat = "{rows} lines, {value} kB";

/** 0 if every row was stored, 1 if some were not, or none. */
export async function importSuppressions(terminal: Terminal, remote: Remote, file: string, options: { json?: boolean }): Promise<number> {
  const source = await openSource(file);
  if ("fault" in source) {
    terminal.err(`${file}: ${source.fault}`);
    return 1;
  }
  const bar = source.octets === undefined ? undefined : barOn(terminal, barFormat, source.octets);
  let octets = 0;
  async function* counted(input: AsyncIterable<Buffer>) {
    for await (const chunk of input) {
      octets += chunk.length;
      bar?.update(kilobytes(octets));
      yield chunk;
    }
  }
  const answered = await remote.ask<Imported>("POST", "/v1/suppressions/import", {
    ...{ body: counted(source.stream), timeoutMs: 0 },
    headers: { "content-type": "text/csv" },
  });
  bar?.stop();
  if (!answered.ok) {
    for (const line of answered.lines) terminal.err(line);
    return 1;
  }
  const { errors, added, strengthened, unchanged, failed, complete, ignored_columns: ignored } = answered.body;
  if (options.json) terminal.out(JSON.stringify(answered.body));
  else {
    terminal.out(`${added} added, ${strengthened} strengthened, ${unchanged} there already, ${failed} faulty.`);
    for (const { line, column, message } of errors.slice(0, errorsShown))
      terminal.err(`${file}: line ${line}${column === null ? "" : `, ${column}`}: ${message}`);
    if (failed > errorsShown) terminal.err(`… and ${failed - errorsShown} more; --json lists the first 1,000.`);
    if (ignored.length > 0) terminal.err(`Columns that mean nothing here: ${ignored.join(", ")}`);
    if (!complete) terminal.err("What stands behind the last of these errors was not read: mend it, and import the file again.");
  }
  return failed === 0 && complete ? 0 : 1;
}

/** 0 if the whole list was written. A file appears only when it is whole. */
export async function exportSuppressions(terminal: Terminal, remote: Remote, file: string | undefined): Promise<number> {
  const opened = await remote.open("GET", "/v1/suppressions/export");
  if (!opened.ok) {
    for (const line of opened.lines) terminal.err(line);
    return 1;
  }
  // On a terminal the list itself is what is seen.
  const bar = file === undefined && terminal.isLive ? undefined : barOn(terminal, countFormat, undefined);
  const unfinished = file === undefined ? undefined : `${file}.part`;
  const output = unfinished === undefined ? undefined : createWriteStream(unfinished);
  let [octets, rows] = [0, 0];
  try {
    // A fault of the file is seen at the next write, or at the end.
    output?.on("error", () => undefined);
    for await (const chunk of opened.body) {
      octets += chunk.length;
      for (const octet of chunk) if (octet === 10) rows++;
      bar?.update(kilobytes(octets), { rows });
      if (output) await written(output, chunk);
      else if (!(await terminal.write(chunk))) return 1;
    }
    if (output && unfinished !== undefined && file !== undefined) {
      output.end();
      await finished(output);
      await rename(unfinished, file);
    }
    return 0;
  } catch (error) {
    output?.destroy();
    if (unfinished !== undefined) await rm(unfinished, { force: true });
    // It would write over the line.
    bar?.stop();
    terminal.err(`The list broke off after ${rows} lines: ${(error as Error).message}. Export it again.`);
    return 1;
  } finally {
    bar?.stop();
  }
}

const kilobytes = (octets: number) => Math.ceil(octets / 1024);

/** Shown beside the output, to a person alone. */
function barOn({ isLiveErr }: Terminal, format: string, octets: number | undefined): SingleBar | undefined {
  if (!isLiveErr) return undefined;
  const bar = new SingleBar({ format, hideCursor: true, stream: process.stderr }, Presets.shades_classic);
  bar.start(kilobytes(octets ?? 0), 0, { rows: 0 });
  return bar;
}

function written(output: ReturnType<typeof createWriteStream>, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

const faults: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "it may not be read: check its permissions",
};

/** A file, or standard input for `-`, whose size nobody knows. */
async function openSource(file: string): Promise<{ stream: AsyncIterable<Buffer>; octets: number | undefined } | { fault: string }> {
  if (file === "-") return { stream: process.stdin, octets: undefined };
  try {
    const found = await stat(file);
    if (found.isDirectory()) return { fault: "it is a directory" };
    const stream = createReadStream(file);
    await new Promise((resolve, reject) => stream.once("open", resolve).once("error", reject));
    return { stream, octets: found.isFile() ? found.size : undefined };
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    return { fault: faults[code] ?? message };
  }
}
