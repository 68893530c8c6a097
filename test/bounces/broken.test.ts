// Proves that no report, however cut off or broken, crashes the parser or makes it say what cannot be.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { parseReport } from "../../src/bounces/parseReport.ts";

const folder = new URL("fixtures/", import.meta.url);
const fixtures = readdirSync(folder)
  .filter((file) => file.endsWith(".eml"))
  .map((file) => ({ file, raw: readFileSync(new URL(file, folder)) }));

/** What holds of any report, whatever its bytes. */
function checkSound(raw: Buffer): void {
  const { kind, reports } = parseReport(raw);
  for (const { recipient, reply, category } of reports) {
    assert.match(recipient, /^[^\s@][^@]*@[^\s@]+$|^"[^"]*"@[^\s@]+$/);
    assert.ok(reply.text.length <= 1_000);
    if (kind === "bounce") assert.ok(category !== undefined || reports.length > 1);
  }
}

test("a report cut off at any byte is read as far as it goes", () => {
  for (const { raw } of fixtures) {
    for (let end = 0; end <= raw.length; end++) checkSound(raw.subarray(0, end));
  }
});

test("a report with random bytes changed, doubled or lost is read as far as it goes", () => {
  const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), how: fc.constantFrom("set", "drop", "double") });
  fc.assert(
    fc.property(fc.constantFrom(...fixtures), fc.array(change, { minLength: 1, maxLength: 20 }), ({ raw }, changes) => {
      let mutated = Buffer.from(raw);
      for (const { at, byte, how } of changes) {
        const index = at % mutated.length;
        if (how === "set") mutated[index] = byte;
        if (how === "drop") mutated = Buffer.concat([mutated.subarray(0, index), mutated.subarray(index + 1 + (byte % 40))]);
        if (how === "double") mutated = Buffer.concat([mutated.subarray(0, index), mutated.subarray(Math.max(0, index - byte))]);
        if (mutated.length === 0) return;
      }
      checkSound(mutated);
    }),
    { numRuns: 3_000 },
  );
});

test("any bytes at all are read", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4_000 }), (bytes) => checkSound(Buffer.from(bytes))),
    { numRuns: 500 },
  );
});
