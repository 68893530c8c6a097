// Reads a CSV file of suppressions as a stream, and stores it slice by slice: no more of it than a slice is ever in memory.
import { finished, type Readable } from "node:stream";
import { CsvError, type Info, parse } from "csv-parse";
import type { Refusal } from "../../domain/refusals.ts";
import { isStoreUnavailable } from "../../store/connection.ts";
import type { SuppressionInput, SuppressionOutcome } from "../../store/suppressions.ts";
import { type Header, readHeader, readRow } from "./csv.ts";

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

type ParsedRow = { record: string[]; info: Info };

/**
 * Imports a file. Returns what came of it, or a refusal: of a file without a header before anything is stored, or, if the store went away,
 * with how far it came. Rejects where the file itself breaks off.
 */
export async function importCsv(file: Readable | undefined, { store, now }: ImportDependencies): Promise<Imported | Refusal> {
  if (!file) return noHeader;
  const parser = parse({
    ...{ bom: true, info: true, trim: true, skip_empty_lines: true },
    // A quote inside a cell is text, and a row may be short: what it lacks is empty.
    ...{ relax_quotes: true, relax_column_count: true },
    record_delimiter: ["\r\n", "\n", "\r"],
    max_record_size: rowBytesMax,
  });
  const stopWatching = finished(file, { writable: false }, (error) => {
    if (error) parser.destroy(error);
  });
  const imported: Imported = { added: 0, strengthened: 0, unchanged: 0, failed: 0, complete: true, errors: [], ignored_columns: [] };
  const fail = (error: ImportError) => {
    imported.failed += 1;
    if (imported.errors.length < errorsMax) imported.errors.push(error);
  };
  let slice: SuppressionInput[] = [];
  const storeSlice = async () => {
    const rows = slice;
    slice = [];
    for (const outcome of rows.length > 0 ? await store(rows) : []) imported[outcome] += 1;
  };
  let header: Header | undefined;
  let lastLine = 0;
  const readRows = async () => {
    for await (const { record, info } of file.pipe(parser) as AsyncIterable<ParsedRow>) {
      lastLine = info.lines;
      if (!header) {
        header = readHeader(record);
        if (!header) return;
        imported.ignored_columns = header.ignored;
        continue;
      }
      const row = readRow(record, header, now());
      if ("code" in row) fail({ line: info.lines, ...row });
      else if (slice.push(row) === sliceRows) await storeSlice();
    }
  };
  try {
    await readRows().catch((error) => {
      if (!(error instanceof CsvError)) throw error;
      imported.complete = false;
      fail({ line: lastLine + 1, column: null, code: "malformed_csv", message: malformed });
    });
    await storeSlice();
    return header ? imported : noHeader;
  } catch (error) {
    if (isStoreUnavailable(error)) return cutShort(imported);
    throw error;
  } finally {
    stopWatching();
    file.unpipe(parser);
    // The answer may come before the end of the file: what is still on its way has to be taken off the connection.
    file.resume();
  }
}

const malformed = "opens a quote that is never closed, or is far too long; nothing behind it was read";

const noHeader: Refusal = {
  refused: "invalid_request",
  detail: "The file's first row must name its columns, separated by commas, and one of them `address`; nothing was stored.",
  errors: [{ pointer: "", code: "no_header", message: "has no header row with a column `address`" }],
};

function cutShort({ added, strengthened, unchanged }: Imported): Refusal {
  const stored = added + strengthened + unchanged;
  return {
    refused: "unavailable",
    detail: `The store cannot be reached at the moment; at least ${stored} rows are stored. Import the file again: what is there already stays.`,
    retryAfterSeconds: 1,
  };
}
