// What every finished message must be, whatever it says.
import assert from "node:assert/strict";

/** Asserts RFC 5322 section 2.1 and 2.3: CRLF and no bare CR or LF, no line over 998 octets, no blank line within a folded field. */
export function assertWellFormed(bytes: Buffer): void {
  const octets = bytes.toString("latin1");
  assert.doesNotMatch(octets, /\r(?!\n)|(?<!\r)\n/, "a bare CR or LF");
  assert.ok(octets.endsWith("\r\n"), "no final line end");
  const lines = octets.split("\r\n");
  assert.ok(Math.max(...lines.map((line) => line.length)) <= 998, "a line of more than 998 octets");
  const header = lines.slice(0, lines.indexOf(""));
  assert.ok(!header.some((line) => /^[ \t]+$/.test(line)), "a line of spaces in the header");
  assert.ok(!octets.includes("\0"), "a NUL");
}
