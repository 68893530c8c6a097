// The "relaxed" forms of header and body that a signature is made of (RFC 6376, sections 3.4.2 and 3.4.4).
// Bytes are handled as latin1 text, one character each, so that 8-bit mail is signed as it is.
import { createHash } from "node:crypto";

/** A header field, its name in lower case, its value in relaxed form. */
export type SignedField = { name: string; value: string };

/** Between two of them the event loop gets its turn. */
const chunkBytes = 256 * 1024;

const lf = 0x0a;

/** A field's value unfolded, with one space for each run of white space. */
export function relaxedValue(value: string): string {
  return value
    .replace(/\r\n/g, "")
    .replace(/[\t ]+/g, " ")
    .replace(/^ | $/g, "");
}

/** The header fields of a message in their order, and where its body begins. */
export function readFields(bytes: Buffer): { fields: SignedField[]; bodyStart: number } {
  const end = bytes.indexOf("\r\n\r\n");
  const header = bytes.toString("latin1", 0, end < 0 ? bytes.length : end);
  const fields = header.split(/\r\n(?![\t ])/).map((field) => {
    const colon = field.indexOf(":");
    return { name: field.slice(0, colon).toLowerCase(), value: relaxedValue(field.slice(colon + 1)) };
  });
  return { fields, bodyStart: end < 0 ? bytes.length : end + 4 };
}

/** The SHA-256 of a body's relaxed form, in base64. Of a large one a quarter of a megabyte at a time, so that nothing else waits for long. */
export async function hashBody(bytes: Buffer, start: number): Promise<string> {
  const hash = createHash("sha256");
  const end = endOfContent(bytes, start);
  for (let from = start; from < end; ) {
    const to = endOfLine(bytes, from + chunkBytes, end);
    const chunk = bytes.subarray(from, to);
    const text = chunk.toString("latin1");
    // Most lines are in this form already.
    if (/\t| [ \r]/.test(text)) hash.update(text.replace(/[\t ]+/g, " ").replaceAll(" \r\n", "\r\n"), "latin1");
    else hash.update(chunk);
    from = to;
    if (from < end) await new Promise((resolve) => setImmediate(resolve));
  }
  // What does not end in a line end gets one; a body of nothing stays nothing.
  if (end > start) hash.update("\r\n");
  return hash.digest("base64");
}

/** Behind the last byte that is no white space: empty lines at the end do not count. */
function endOfContent(bytes: Buffer, start: number): number {
  let end = bytes.length;
  while (end > start && [0x20, 0x09, 0x0d, lf].includes(bytes[end - 1] as number)) end--;
  return end;
}

/** Behind the first line end from here on, or the end: a run of white space must not be cut in two. */
function endOfLine(bytes: Buffer, from: number, end: number): number {
  if (from >= end) return end;
  const found = bytes.indexOf(lf, from);
  return found < 0 || found + 1 > end ? end : found + 1;
}
