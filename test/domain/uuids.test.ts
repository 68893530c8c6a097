import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { test } from "node:test";
import { stringify, validate, version } from "uuid";
import { createUuids } from "../../src/domain/uuids.ts";

/** UUIDs whose clock says these times one after the other, and the last for ever. */
function uuidsAt(...times: number[]): () => Uint8Array {
  return createUuids({ fillRandom: randomFillSync, now: () => (times.length > 1 ? times.shift() : times[0]) ?? 0 });
}

test("each is a UUID of version 7 that names its millisecond, as the library reads it", () => {
  for (const time of [0, 1, 255, 256, 0xffff_ffff, 0x1_0000_0000, Date.now(), 0xffff_ffff_ffff]) {
    const uuid = uuidsAt(time)();
    const text = stringify(uuid);
    assert.ok(validate(text), text);
    assert.equal(version(text), 7);
    assert.equal(Number.parseInt(Buffer.from(uuid.subarray(0, 6)).toString("hex"), 16), time);
  }
});

test("they sort in the order in which they were made, whatever the clock does", () => {
  const times = [5, 5, 5, 6, 3, 3, 6, 6, 2, 7, 7, 1];
  const newUuid = uuidsAt(...times);
  const made = Array.from({ length: 1_000 }, () => Buffer.from(newUuid()).toString("hex"));
  assert.deepEqual(made, made.toSorted());
  assert.equal(new Set(made).size, made.length);
});

test("no byte of the randomness is used twice", () => {
  let filled = 0;
  const newUuid = createUuids({
    fillRandom: (bytes) => {
      filled += 1;
      randomFillSync(bytes);
    },
    now: () => 0,
  });
  const ends = Array.from({ length: 600 }, () => Buffer.from(newUuid().subarray(11)).toString("hex"));
  assert.equal(new Set(ends).size, ends.length);
  assert.ok(filled > 1);
});
