// Suppressions as CSV (RFC 4180): the columns, what a cell may say, and the defence against cells that a spreadsheet would run.
import { listName, time } from "../../accept/request.ts";
import { wireTime } from "../../domain/messageView.ts";
import { type Category, categories } from "../../domain/reply.ts";
import { type Suppression, type SuppressionReason, suppressionReasons } from "../../domain/suppression.ts";
import type { SuppressionInput } from "../../store/suppressions.ts";
import { suppressedAddress } from "../schemas/suppression.ts";

/** What an export holds and an import reads; `source` is that of the import there, and `message_id` means nothing elsewhere. */
export const columns = ["address", "list", "reason", "category", "created_at", "expires_at", "source", "message_id"] as const;

type Column = (typeof columns)[number];

const columnsRead: readonly Column[] = ["address", "list", "reason", "category", "created_at", "expires_at"];

/** Names that other services' exports have for the address. */
const addressNames: readonly string[] = ["address", "email", "email_address", "emailaddress", "recipient"];

/** One row's fault: a clause that fits behind the column's name. */
export type CellFault = { column: string; code: string; message: string };

/** Which cell of a row says what. */
export type Header = { places: ReadonlyMap<Column, number>; ignored: string[] };

/** Reads the first row: names in any order and case. Columns that mean nothing here are passed over; without an address it is no header. */
export function readHeader(cells: readonly string[]): Header | undefined {
  const places = new Map<Column, number>();
  const ignored: string[] = [];
  for (const [index, cell] of cells.entries()) {
    const name = cell.trim().toLowerCase().replaceAll(" ", "_");
    const column = addressNames.includes(name) ? "address" : columnsRead.find((known) => known === name);
    if (column === undefined || places.has(column)) ignored.push(cell.trim().slice(0, 64));
    else places.set(column, index);
  }
  return places.has("address") ? { places, ignored } : undefined;
}

/**
 * Reads a row. An empty cell says nothing; without a reason it is `manual`.
 * @param now milliseconds since the epoch: what has run out by then is a fault
 */
export function readRow(cells: readonly string[], { places }: Header, now: number): SuppressionInput | CellFault {
  const cell = (column: Column) => unescaped((cells[places.get(column) ?? -1] ?? "").trim());
  const text = cell("address");
  if (text === "") return { column: "address", code: "required", message: "is empty" };
  if (text.includes("\ufffd")) return { column: "address", code: "invalid_encoding", message: "is not UTF-8; save the file as UTF-8" };
  const address = suppressedAddress.safeParse(text);
  if (!address.success) return { column: "address", code: "invalid_address", message: address.error.issues[0]?.message ?? "" };
  const reason = (cell("reason").toLowerCase() || "manual") as SuppressionReason;
  if (!suppressionReasons.includes(reason)) {
    return { column: "reason", code: "invalid_value", message: `must be one of ${suppressionReasons.join(", ")}` };
  }
  const category = cell("category").toLowerCase() as Category | "";
  if (category !== "" && !categories.includes(category)) {
    return { column: "category", code: "invalid_value", message: "is no category; see the documentation, or leave it empty" };
  }
  const listText = cell("list");
  const list = listText === "" ? undefined : listName.safeParse(listText);
  if (list?.success === false) return { column: "list", code: "invalid_list", message: list.error.issues[0]?.message ?? "" };
  const createdAt = timeIn(cell("created_at"));
  if (createdAt === null) return { column: "created_at", code: "invalid_time", message: timeFault };
  const expiresAt = timeIn(cell("expires_at"));
  if (expiresAt === null) return { column: "expires_at", code: "invalid_time", message: timeFault };
  if (expiresAt !== undefined && expiresAt <= now) return { column: "expires_at", code: "invalid_expires_at", message: "is past" };
  return {
    address: address.data,
    reason,
    source: "import",
    ...(list && { list: list.data }),
    ...(category !== "" && { category }),
    ...(createdAt !== undefined && { created_at: Math.min(createdAt, now) }),
    ...(expiresAt !== undefined && { expires_at: expiresAt }),
  };
}

const timeFault = "is no RFC 3339 time; write it like 2030-01-31T09:00:00Z";

/** Milliseconds; undefined where nothing is said, null where it is no time. */
function timeIn(text: string): number | undefined | null {
  if (text === "") return undefined;
  const read = time.safeParse(text);
  return read.success ? read.data : null;
}

/** A suppression as a row's cells. */
export function rowOf(suppression: Suppression): string[] {
  const { address, list, reason, category, created_at, expires_at, source, message_id } = suppression;
  const said: Record<Column, string | undefined> = {
    ...{ address, list, reason, category, source, message_id },
    created_at: wireTime(created_at),
    expires_at: expires_at === undefined ? undefined : wireTime(expires_at),
  };
  return columns.map((column) => escaped(said[column] ?? ""));
}

/**
 * Spreadsheets take a cell that begins so for a formula (OWASP, "CSV Injection"), and an address may begin with `=`, `+` or `-`. An
 * apostrophe in front makes it text; one that stands in front of such a cell already is doubled, so that an import gives back what was.
 */
const formula = /^'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

function escaped(cell: string): string {
  return formula.test(cell) ? `'${cell}` : cell;
}

function unescaped(cell: string): string {
  return cell.startsWith("'") && formula.test(cell) ? cell.slice(1) : cell;
}
