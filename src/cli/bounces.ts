// `postern bounces parse`: says what reports mean, one JSON line a file.
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { readOctetsMax } from "../bounces/mime.ts";
import type { ParsedReport } from "../bounces/parsedReport.ts";
import { parseReport } from "../bounces/parseReport.ts";
import { replyView } from "../domain/messageView.ts";
import type { Terminal } from "./terminal.ts";

/** What people meet when they name files, in their words. */
const faults: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "it may not be read: check its permissions",
  EISDIR: "it is a directory: name the files in it",
};

/** As much of a file as the parser looks at. */
async function readBeginning(source: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of source) {
    chunks.push(chunk as Buffer);
    octets += (chunk as Buffer).length;
    if (octets >= readOctetsMax) break;
  }
  return Buffer.concat(chunks);
}

/** A parsed report as the contract's JSON. Null where the report does not say. */
function reportLine(file: string, { kind, reports }: ParsedReport): string {
  return JSON.stringify({
    file,
    kind,
    reports: reports.map(({ recipient, action, category, hardBounce, reply }) => ({
      recipient,
      action,
      category: category ?? null,
      hard_bounce: hardBounce,
      reply: replyView(reply),
    })),
  });
}

/**
 * Parses files of one report each; `-` is standard input.
 * @returns 0 if every file could be read, whatever it held, else 1
 */
export async function parseBounces(terminal: Terminal, files: readonly string[]): Promise<number> {
  let unreadable = 0;
  for (const file of files) {
    try {
      const source = file === "-" ? process.stdin : createReadStream(file, { end: readOctetsMax - 1 });
      terminal.out(reportLine(file, parseReport(await readBeginning(source))));
    } catch (error) {
      unreadable++;
      const { code, message } = error as NodeJS.ErrnoException;
      terminal.err(`${file}: ${faults[code ?? ""] ?? message}`);
    }
  }
  return unreadable === 0 ? 0 : 1;
}
