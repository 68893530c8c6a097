import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createBase64Decoder, decodeBase64, sliceLetters } from "../../src/accept/base64.ts";

/** The rule, as one expression: slow, and plain to see. */
function byExpression(text: string): Buffer | undefined {
  const compact = text.replace(/[\r\n]+/g, "");
  return compact.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(compact) ? Buffer.from(compact, "base64") : undefined;
}

/** Base64 as it should be, with parts taken out, put in twice, or replaced. */
const nearlyBase64 = fc
  .tuple(
    fc.uint8Array({ maxLength: 40 }),
    fc.array(
      fc.tuple(fc.nat(60), fc.nat(3), fc.constantFrom("", "=", "==", "A", "-", "_", "\n", "\r\n", " ", "\0", "ü", "\u{1f600}", "\ud800")),
      {
        maxLength: 3,
      },
    ),
  )
  .map(([octets, changes]) =>
    changes.reduce((text, [at, gone, put]) => text.slice(0, at) + put + text.slice(at + gone), Buffer.from(octets).toString("base64")),
  );

test("base64 is taken and refused as one plain expression does it, and read as the same octets", () => {
  fc.assert(
    fc.property(fc.oneof(nearlyBase64, fc.string(), fc.string({ unit: fc.constantFrom(..."AQ+/=\n\r-_ ") })), (text) => {
      assert.deepEqual(decodeBase64(text), byExpression(text));
    }),
    { numRuns: 20_000 },
  );
});

test("a fault is found wherever it stands in a text of many slices", () => {
  const octets = Buffer.alloc(3 * sliceLetters, "postern");
  for (const short of [0, 1, 2]) {
    const text = octets.subarray(short).toString("base64");
    assert.deepEqual(decodeBase64(text), octets.subarray(short));
    for (const at of [0, 1, sliceLetters - 1, sliceLetters, sliceLetters + 1, 2 * sliceLetters - 4, text.length - 5, text.length - 3]) {
      for (const fault of ["-", "=", "*", "é", "", "AA"]) {
        const broken = text.slice(0, at) + fault + text.slice(at + 1);
        assert.deepEqual(decodeBase64(broken), byExpression(broken), `${JSON.stringify(fault)} at ${at}`);
      }
    }
  }
});

test("a text reads the same however it is cut into pieces", () => {
  fc.assert(
    fc.property(nearlyBase64, fc.array(fc.nat(12), { maxLength: 8 }), (text, cuts) => {
      const compact = text.replace(/[\r\n]+/g, "");
      const decoder = createBase64Decoder(compact.length);
      let isGood = true;
      let from = 0;
      for (const cut of [...cuts, compact.length]) {
        isGood &&= decoder.take(compact.slice(from, from + cut));
        from += cut;
      }
      assert.deepEqual(isGood ? decoder.end() : undefined, byExpression(compact));
    }),
    { numRuns: 5_000 },
  );
});
