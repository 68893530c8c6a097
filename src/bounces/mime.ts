// Reads the MIME structure of a mail (RFC 5322, RFC 2045, RFC 2046) for reports: fast, lenient, bounded, and unable to fail.
// postal-mime would decode every attachment and fold a delivery status into text; a report needs a few small parts, exactly.
import { decodeTransfer } from "./decode.ts";
import type { Header } from "./parsedReport.ts";

/** One entity of the tree. `body` is not yet decoded, one character a byte, lines ended by LF. */
export type Entity = {
  headers: Header[];
  /** In lower case: `text/plain`, `multipart/report`. */
  type: string;
  parameters: Readonly<Record<string, string>>;
  /** In lower case; empty if there is none. */
  transferEncoding: string;
  body: string;
  children: Entity[];
};

/** No more of a mail is read: the parts that matter come before the returned original. */
export const readOctetsMax = 1_048_576;
const depthMax = 8;
const entitiesMax = 60;
const headersMax = 500;
const headerCharactersMax = 8_000;
const headerBlockCharactersMax = 131_072;

const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** RFC 5322, section 3.6.8: any printable ASCII but the colon. */
export const fieldStart = /^[!-9;-~]{1,100}[ \t]{0,10}:/;
/** What mailboxes in the format of mbox put before the header. */
const mboxLine = /^>?From /;

/**
 * Reads a header block.
 * @param source lines ended by LF
 * @returns the fields in order, unfolded, and where the body begins; a line that is no field ends the header
 */
export function readHeaders(source: string, from = 0): { headers: Header[]; bodyAt: number } {
  const headers: Header[] = [];
  const limit = Math.min(source.length, from + headerBlockCharactersMax);
  let last: { name: string; lines: string[]; length: number } | undefined;
  const flush = () => {
    if (last && headers.length < headersMax) headers.push({ name: last.name, value: last.lines.join(" ").trim() });
  };
  let at = from;
  while (at < limit) {
    const lineEnd = source.indexOf("\n", at);
    const end = lineEnd === -1 ? source.length : lineEnd;
    const next = lineEnd === -1 ? source.length : lineEnd + 1;
    const line = source.slice(at, Math.min(end, at + headerCharactersMax));
    if (line.trim() === "" && (line === "" || !last)) {
      // Blank lines before the first field are skipped, the one after the last field ends the header.
      if (last || headers.length > 0) {
        at = next;
        break;
      }
    } else if (last && (line[0] === " " || line[0] === "\t")) {
      last.length += line.length;
      if (last.length < headerCharactersMax) last.lines.push(line.trim());
    } else if (fieldStart.test(line)) {
      flush();
      const colon = line.indexOf(":");
      last = { name: line.slice(0, colon).trim().toLowerCase(), lines: [line.slice(colon + 1)], length: line.length };
    } else if (!(mboxLine.test(line) && !last)) {
      break;
    }
    at = next;
  }
  flush();
  return { headers, bodyAt: Math.min(at, source.length) };
}

/** The first value of a field, or undefined. */
export function headerOf({ headers }: { readonly headers: readonly Header[] }, name: string): string | undefined {
  return headers.find((header) => header.name === name)?.value;
}

const parameter = /;\s{0,100}([\w*-]{1,50})\s{0,10}=\s{0,10}(?:"((?:[^"\\]|\\.){0,1000})"|([^\s;"]{1,1000}))/g;

/** A structured value such as Content-Type's: the value and its parameters, names in lower case. */
function readStructured(value: string): { value: string; parameters: Record<string, string> } {
  const parameters: Record<string, string> = Object.create(null);
  for (const [, name = "", quoted, plain] of value.matchAll(parameter)) {
    parameters[name.toLowerCase().replace(/\*.*$/, "")] ??= quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
  }
  return { value: (/^[^\s;]{0,200}/.exec(value)?.[0] ?? "").toLowerCase(), parameters };
}

/** Cuts a multipart body at its boundary's lines. A boundary that never comes yields nothing. */
function splitAtBoundary(body: string, boundary: string): string[] {
  const delimiter = `--${boundary}`;
  const parts: string[] = [];
  let partFrom = -1;
  let at = body.startsWith(delimiter) ? 0 : body.indexOf(`\n${delimiter}`) + 1;
  if (at === 0 && !body.startsWith(delimiter)) return parts;
  while (parts.length < entitiesMax) {
    if (partFrom !== -1) parts.push(body.slice(partFrom, Math.max(partFrom, at - 1)));
    const lineEnd = body.indexOf("\n", at);
    const closes = body.startsWith("--", at + delimiter.length);
    if (closes || lineEnd === -1) return parts;
    partFrom = lineEnd + 1;
    const next = body.indexOf(`\n${delimiter}`, lineEnd);
    if (next === -1) break;
    at = next + 1;
  }
  // Cut off before its end, or too many parts: what is left is the last one.
  if (parts.length < entitiesMax) parts.push(body.slice(partFrom));
  return parts;
}

function readEntity(source: string, depth: number, budget: { entities: number }): Entity {
  const { headers, bodyAt } = readHeaders(source);
  const contentType = readStructured(headerOf({ headers }, "content-type") ?? "");
  const entity: Entity = {
    headers,
    type: contentType.value || "text/plain",
    parameters: contentType.parameters,
    transferEncoding: (/^[\w-]{1,30}/.exec(headerOf({ headers }, "content-transfer-encoding") ?? "")?.[0] ?? "").toLowerCase(),
    body: source.slice(bodyAt),
    children: [],
  };
  if (depth >= depthMax) return entity;
  const boundary = contentType.parameters.boundary;
  const parts = entity.type.startsWith("multipart/") && boundary ? splitAtBoundary(entity.body, boundary) : [];
  for (const part of parts) {
    if (budget.entities <= 0) break;
    budget.entities--;
    entity.children.push(readEntity(part, depth + 1, budget));
  }
  return entity;
}

/** Bytes as characters, with CRLF and lone CR as LF. On bytes, as replacing in a string takes ten times as long. */
function withLineFeeds(raw: Buffer): string {
  if (!raw.includes(carriageReturn)) return raw.toString("latin1");
  const converted = Buffer.allocUnsafe(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i++) {
    const byte = raw[i] as number;
    if (byte !== carriageReturn) converted[length++] = byte;
    else if (raw[i + 1] !== lineFeed) converted[length++] = lineFeed;
  }
  return converted.toString("latin1", 0, length);
}

/**
 * Reads a mail's structure; messages inside (`message/rfc822`) stay closed.
 * @param raw the mail; only its first 1 MiB counts
 */
export function readMail(raw: Buffer): Entity {
  return readEntity(withLineFeeds(raw.subarray(0, readOctetsMax)), 0, { entities: entitiesMax });
}

/** An entity's body with its transfer encoding undone: bytes as characters, at most `charactersMax` of them. */
export function bodyOf(entity: Entity, charactersMax: number): string {
  // Encodings make text longer, never more than threefold.
  const bytes = decodeTransfer(entity.body.slice(0, 3 * charactersMax), entity.transferEncoding).slice(0, charactersMax);
  return bytes.includes("\r") ? withLineFeeds(Buffer.from(bytes, "latin1")) : bytes;
}
