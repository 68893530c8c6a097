// Reads a CSV file of suppressions as it arrives, and stores it slice by slice: no more of it than a chunk is ever in memory.
import type { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import type { Refusal } from "../../domain/refusals.ts";
import { isStoreUnavailable } from "../../store/connection.ts";
import type { SuppressionInput, SuppressionOutcome } from "../../store/suppressions.ts";
import { type Header, readHeader, readRow } from "./csv.ts";

/** One faulty row; `line` is that on which it ends, the header's is 1. */
export type ImportError = { line: number; column: string | null; code: string; message: string };

export type Imported = Record<SuppressionOutcome, number> & {
  failed: number;
  complete: boolean;
  errors: ImportError[];
  ignored_columns: string[];
};

export type ImportDependencies = {
  /** Stores a slice; says for each row what came of it. */
  store(rows: readonly SuppressionInput[]): Promise<SuppressionOutcome[]>;
  /** Redis time, ms. */
  now(): number;
};

/** Rows of one step in the store: few enough that nobody waits for it. */
const sliceRows = 250;
/** Far more than any row holds; a quote that is never closed would take in the rest of the file. */
const rowBytesMax = 32 * 1024;
const errorsMax = 1_000;

const noHeader: Refusal = {
  refused: "invalid_request",
  detail: "The file's first row must name its columns, separated by commas, and one of them `address`; nothing was stored.",
  errors: [{ pointer: "", code: "no_header", message: "has no header row with a column `address`" }],
};

const malformed = "opens a quote that is never closed, or is far too long; nothing behind it was read";

/**
 * Imports a file. Returns what came of it, or a refusal: of a file without a header before anything is stored, or, if the store went away,
 * with how far it came. Rejects where the file itself breaks off.
 */
export async function importCsv(file: Readable | undefined, { store, now }: ImportDependencies): Promise<Imported | Refusal> {
  if (!file) return noHeader;
  const imported: Imported = { added: 0, strengthened: 0, unchanged: 0, failed: 0, complete: true, errors: [], ignored_columns: [] };
  let header: Header | undefined;
  let line = 0;
  let slice: SuppressionInput[] = [];

  const fail = (error: ImportError) => {
    imported.failed += 1;
    if (imported.errors.length < errorsMax) imported.errors.push(error);
  };
  // One slice is on its way while the next is read.
  let storing = Promise.resolve();
  const storeSlice = async () => {
    await storing;
    const full = slice;
    slice = [];
    storing = (async () => {
      for (const outcome of full.length > 0 ? await store(full) : []) imported[outcome] += 1;
    })();
    // What becomes of it is seen before the next one, and at the end.
    storing.catch(() => undefined);
  };

  try {
    for await (const chunk of readRows(file)) {
      for (const { cells, endsAt } of chunk.rows) {
        line = endsAt;
        if (header) {
          const row = readRow(cells, header, now());
          if ("code" in row) fail({ line, ...row });
          else if (slice.push(row) === sliceRows) await storeSlice();
        } else {
          header = readHeader(cells);
          if (!header) return noHeader;
          imported.ignored_columns = header.ignored;
        }
      }
      if (chunk.isMalformed) {
        imported.complete = false;
        fail({ line: line + 1, column: null, code: "malformed_csv", message: malformed });
      }
    }
    await storeSlice();
    await storing;
    return header ? imported : noHeader;
  } catch (error) {
    if (isStoreUnavailable(error) && !file.errored) return cutShort(imported);
    throw error;
  } finally {
    // The answer may come before the end of the file: what is still on its way has to be taken off the connection.
    file.resume();
  }
}

function cutShort({ added, strengthened, unchanged }: Imported): Refusal {
  const stored = added + strengthened + unchanged;
  return {
    refused: "unavailable",
    detail: `The store cannot be reached at the moment; at least ${stored} rows are stored. Import the file again: what is there already stays.`,
    retryAfterSeconds: 1,
  };
}

type Row = { cells: string[]; endsAt: number };

/** The rows of each chunk, in order. Where rows can no longer be told apart (`isMalformed`), those before come first, and it ends. */
async function* readRows(file: Readable): AsyncGenerator<{ rows: Row[]; isMalformed: boolean }> {
  let rows: Row[] = [];
  let count = 0;
  let breaks = 0;
  const parser = parse({
    ...{ bom: true, trim: true, skip_empty_lines: true },
    // A quote inside a cell is text, and a row may be short: what it lacks is empty.
    ...{ relax_quotes: true, relax_column_count: true },
    record_delimiter: ["\r\n", "\n", "\r"],
    max_record_size: rowBytesMax,
    // Kept here and not by the stream, which would drop them when a fault follows.
    on_record: (cells: string[], { empty_lines }) => {
      count += 1;
      breaks += breaksIn(cells);
      // The parser counts lines too, but takes a CRLF inside a cell for two.
      rows.push({ cells, endsAt: count + empty_lines + breaks });
      return null;
    },
  });
  parser.on("error", () => undefined);
  const feed = (chunk: Buffer | undefined) =>
    new Promise<boolean>((resolve, reject) => {
      const done = (error?: Error | null) => {
        if (error && !(error instanceof CsvError)) reject(error);
        else resolve(error !== undefined && error !== null);
      };
      if (chunk) parser.write(chunk, done);
      else parser.end(done);
    });
  const taken = () => {
    const full = rows;
    rows = [];
    return full;
  };
  for await (const chunk of file.iterator({ destroyOnReturn: false })) {
    const isMalformed = await feed(Buffer.from(chunk));
    yield { rows: taken(), isMalformed };
    if (isMalformed) return;
  }
  const isMalformed = await feed(undefined);
  yield { rows: taken(), isMalformed };
}

/** Line ends inside of a row's cells. */
function breaksIn(cells: readonly string[]): number {
  let count = 0;
  for (const cell of cells) if (cell.includes("\n") || cell.includes("\r")) count += cell.split(/\r\n|\n|\r/).length - 1;
  return count;
}
