import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { endOfData, lineStart, stuffed } from "../../src/relay/dotStuffing.ts";

/** What goes over the wire for a message that comes in such pieces, with its final dot. */
function onTheWire(pieces: readonly Buffer[]): string {
  let last = lineStart;
  const written = pieces.map((chunk) => {
    const bytes = stuffed(chunk, last);
    last = chunk.at(-1) ?? last;
    return bytes;
  });
  return Buffer.concat([...written, endOfData(last)]).toString("latin1");
}

/** RFC 5321, section 4.5.2, as slowly and plainly as it can be said. */
function plainly(message: string): string {
  const lines = message.replaceAll(/\r\n|\r|\n/g, "\r\n").replaceAll(/^\./gm, "..");
  return `${lines}${lines === "" || lines.endsWith("\r\n") ? "" : "\r\n"}.\r\n`;
}

test("dots are doubled and line ends completed however a message is cut into pieces", () => {
  const pieces = fc.array(
    fc.array(fc.constantFrom("\r", "\n", ".", "a", "\r\n", "\r\n."), { maxLength: 6 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(pieces, (cut) => assert.equal(onTheWire(cut.map((text) => Buffer.from(text))), plainly(cut.join("")))),
    { numRuns: 3_000 },
  );
});

test("nothing that a relay could take for the end of the message is left in it", () => {
  const ends = /(?:^|\r\n|\r|\n)\.(?:\r\n|\r|\n)/;
  const message = fc.array(fc.constantFrom("\r", "\n", ".", "x")).map((parts) => parts.join(""));
  fc.assert(
    fc.property(message, (text) => {
      const wire = onTheWire([Buffer.from(text)]);
      assert.match(wire, /(?:^|\r\n)\.\r\n$/);
      assert.doesNotMatch(wire.slice(0, -3), ends);
      assert.doesNotMatch(wire, /\r(?!\n)|(?<!\r)\n/);
    }),
    { numRuns: 3_000 },
  );
});

test("a message without a dot at a line's beginning is not copied", () => {
  const message = Buffer.from("Subject: a.b\r\n\r\nx.\r\n");
  assert.equal(stuffed(message, lineStart), message);
});

test("many bare line ends cost no more than others", () => {
  const startedAt = performance.now();
  for (const byte of ["\n", "\r", ".\n", "\r\n."]) stuffed(Buffer.alloc(1_000_000, byte), lineStart);
  assert.ok(performance.now() - startedAt < 20_000);
});
