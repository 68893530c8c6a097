// Writes text as quoted-printable (RFC 2045 section 6.7).
import { sequenceOctets } from "./utf8.ts";

/** With the "=" of a soft line break (rule 5). */
const lineCharactersMax = 76;
const hexDigits = Buffer.from("0123456789ABCDEF", "latin1");
const [tab, lineFeed, carriageReturn, space, equals] = [0x09, 0x0a, 0x0d, 0x20, 0x3d];

/** 1 for the octets that stand as they are (rules 2 and 3), 0 for those that are written as "=XX". A line feed is a line's end (rule 4). */
const isLiteral = new Uint8Array(256);
for (let octet = space; octet < 0x7f; octet++) isLiteral[octet] = octet === equals ? 0 : 1;
isLiteral[tab] = 1;
isLiteral[lineFeed] = 1;

/** How many of the octets cannot stand as they are. Spaces at the ends of lines are not counted. */
export function countEscapes(octets: Buffer): number {
  let literals = 0;
  for (let i = 0; i < octets.length; i++) literals += isLiteral[octets[i] ?? 0] ?? 0;
  return octets.length - literals;
}

/**
 * Encodes text in UTF-8. Lines end by LF in what comes in, by CRLF in what comes out; a bare CR is an octet like any other.
 * @returns ASCII in lines of at most 76 characters, none of which ends in a space or tab (rule 3)
 */
export function encodeQuotedPrintable(octets: Buffer): Buffer {
  // At worst each octet is three characters, and each line of more than 63 has a soft line break.
  const target = Buffer.allocUnsafe(octets.length * 3 + (Math.ceil((octets.length * 3) / 63) + 1) * 3);
  let at = 0;
  let lineStart = 0;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i] ?? 0;
    if (octet === lineFeed) {
      target[at++] = carriageReturn;
      target[at++] = lineFeed;
      lineStart = at;
      continue;
    }
    const isLast = i + 1 === octets.length || octets[i + 1] === lineFeed;
    const isEscaped = isLiteral[octet] === 0 || (isLast && (octet === space || octet === tab));
    // A character is not parted by a soft line break.
    const characters = isEscaped ? 3 * sequenceOctets(octet) : 1;
    if (at - lineStart + characters > lineCharactersMax - 1) {
      target[at++] = equals;
      target[at++] = carriageReturn;
      target[at++] = lineFeed;
      lineStart = at;
    }
    if (isEscaped) {
      target[at++] = equals;
      target[at++] = hexDigits[octet >> 4] ?? 0;
      target[at++] = hexDigits[octet & 15] ?? 0;
    } else {
      target[at++] = octet;
    }
  }
  return target.subarray(0, at);
}
