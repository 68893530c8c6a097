// Durations, sizes and rates as people write them.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, formatRate, formatSize, parseDuration, parseRate, parseSize } from "../../src/domain/units.ts";

const durations: [text: string, durationMs: number | undefined][] = [
  ["250ms", 250],
  ["30s", 30_000],
  ["10m", 600_000],
  ["72h", 259_200_000],
  ["7d", 604_800_000],
  ["0", 0],
  ["0s", 0],
  ["007s", 7_000],
  ["", undefined],
  ["10", undefined],
  ["10 m", undefined],
  ["10M", undefined],
  ["1.5h", undefined],
  ["-1s", undefined],
  ["1h30m", undefined],
  ["1w", undefined],
  ["s", undefined],
  ["1e3s", undefined],
  ["1s\n", undefined],
  ["٣s", undefined],
  ["9007199254740991ms", 9_007_199_254_740_991],
  ["9007199254740993ms", undefined],
  [`${"9".repeat(400)}d`, undefined],
];

for (const [text, durationMs] of durations) {
  test(`the duration ${JSON.stringify(text.slice(0, 24))} is ${durationMs === undefined ? "refused" : `${durationMs} ms`}`, () => {
    assert.equal(parseDuration(text), durationMs);
  });
}

const sizes: [text: string, bytes: number | undefined][] = [
  ["25mb", 26_214_400],
  ["25MB", 26_214_400],
  ["500kb", 512_000],
  ["1gb", 1_073_741_824],
  ["12b", 12],
  ["1024", 1_024],
  ["0", 0],
  ["", undefined],
  ["mb", undefined],
  ["1.5mb", undefined],
  ["25 mb", undefined],
  ["-1", undefined],
  ["25mib", undefined],
  ["25m", undefined],
  ["99999999999gb", undefined],
];

for (const [text, bytes] of sizes) {
  test(`the size ${JSON.stringify(text)} is ${bytes === undefined ? "refused" : `${bytes} bytes`}`, () => {
    assert.equal(parseSize(text), bytes);
  });
}

test("a formatted duration or size is read back as the same number", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      assert.equal(parseDuration(formatDuration(value)), value);
      assert.equal(parseSize(formatSize(value)), value);
    }),
  );
});

test("a duration and a size are shown in the largest unit that fits", () => {
  assert.deepEqual([0, 250, 90_000, 3_600_000, 604_800_000].map(formatDuration), ["0", "250ms", "90s", "1h", "7d"]);
  assert.deepEqual([0, 1_000, 1_024, 26_214_400, 1_073_741_824].map(formatSize), ["0b", "1000b", "1kb", "25mb", "1gb"]);
});

const rates: [text: string, count?: number, perMs?: number][] = [
  ["50/s", 50, 1_000],
  ["2000/h", 2_000, 3_600_000],
  ["1/d", 1, 86_400_000],
  ["100/15m", 100, 900_000],
  ["5/250ms", 5, 250],
  ["007/s", 7, 1_000],
  ["0/s"],
  ["50/0s"],
  ["50"],
  ["50/"],
  ["/s"],
  ["50/1"],
  ["50 / s"],
  ["50/S"],
  ["-1/s"],
  ["1.5/s"],
  ["50/s/s"],
  ["50/w"],
  ["50/s\n"],
  [""],
  ["9007199254740993/s"],
  [`1/${"9".repeat(400)}d`],
];

for (const [text, count, perMs] of rates) {
  test(`the rate ${JSON.stringify(text.slice(0, 24))} is ${count === undefined ? "refused" : `${count} in ${perMs} ms`}`, () => {
    assert.deepEqual(parseRate(text), count === undefined ? undefined : { count, perMs });
  });
}

test("every rate that is formatted can be read back", () => {
  const whole = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
  fc.assert(fc.property(whole, whole, (count, perMs) => assert.deepEqual(parseRate(formatRate({ count, perMs })), { count, perMs })));
  assert.equal(formatRate({ count: 50, perMs: 60_000 }), "50/m");
  assert.equal(formatRate({ count: 50, perMs: 10_000 }), "50/10s");
  assert.equal(formatRate({ count: 50, perMs: 1 }), "50/ms");
});
