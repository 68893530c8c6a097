// Looks at the lines of finished bytes: what SMTP and RFC 5322 demand of them, whatever they say.
import { isAscii } from "node:buffer";
import { lineOctetsMax } from "../domain/header.ts";

/** What the line ends of some bytes are. A number is that of the first line (from 1) at which they stop being one kind. */
type LineEnds = { kind: "crlf" | "lf" | "none" } | { kind: "mixed" | "bare_cr"; line: number };

/** The number (from 1) of the first line that is longer than 998 octets without its line end, or undefined. */
export function firstLongLine(bytes: Buffer): number | undefined {
  let number = 1;
  for (let start = 0; start < bytes.length; number++) {
    const feed = bytes.indexOf(0x0a, start);
    const next = feed < 0 ? bytes.length : feed + 1;
    const end = feed > start && bytes[feed - 1] === 0x0d ? feed - 1 : feed < 0 ? bytes.length : feed;
    if (end - start > lineOctetsMax) return number;
    start = next;
  }
  return undefined;
}

/** The line ends that some bytes use. */
export function lineEnds(bytes: Buffer): LineEnds {
  let kind: "crlf" | "lf" | "none" = "none";
  let number = 1;
  let carriageReturn = bytes.indexOf(0x0d);
  for (let feed = bytes.indexOf(0x0a); ; feed = bytes.indexOf(0x0a, feed + 1)) {
    const end = feed < 0 ? bytes.length : feed;
    if (carriageReturn >= 0 && carriageReturn < end - (feed < 0 ? 0 : 1)) return { kind: "bare_cr", line: number };
    if (feed < 0) return { kind };
    const found = carriageReturn === feed - 1 && carriageReturn >= 0 ? "crlf" : "lf";
    if (kind !== "none" && kind !== found) return { kind: "mixed", line: number };
    kind = found;
    if (found === "crlf") carriageReturn = bytes.indexOf(0x0d, feed + 1);
    number++;
  }
}

/** The same lines ended by CRLF, where all of them are ended by a bare LF; else the bytes as they are. */
export function withCrlf(bytes: Buffer): Buffer {
  return lineEnds(bytes).kind === "lf" ? Buffer.from(bytes.toString("latin1").replaceAll("\n", "\r\n"), "latin1") : bytes;
}

/** Whether a part may be sent without an encoding (RFC 2045 section 2.7): ASCII in lines of at most 998 octets ended by CRLF, no NUL. */
export function fitsUnencoded(bytes: Buffer): boolean {
  const { kind } = lineEnds(bytes);
  return isAscii(bytes) && !bytes.includes(0) && (kind === "crlf" || kind === "none") && firstLongLine(bytes) === undefined;
}
