import assert from "node:assert/strict";
import { test } from "node:test";
import { nextTryInMs, retryAfterMs, triesAfterMs } from "../../src/notify/schedule.ts";

const now = Date.UTC(2026, 0, 1);

test("eight tries are made, at the times that are promised, a fifth to either side", () => {
  const promised = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000].map((seconds) => seconds * 1_000);
  const at = (tried: number, random: number) => Math.round(nextTryInMs({ tried, schedule: triesAfterMs, now, random }) ?? -1);
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7].map((tried) => at(tried, 0.5)),
    promised,
  );
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7].map((tried) => at(tried, 0)),
    promised.map((ms) => ms * 0.8),
  );
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7].map((tried) => at(tried, 1)),
    promised.map((ms) => ms * 1.2),
  );
  assert.equal(nextTryInMs({ tried: 8, schedule: triesAfterMs, now, random: 0.5 }), undefined);
});

test("Retry-After puts a try off and never brings it forward, nor does it give one more", () => {
  const next = (tried: number, retryAfter: string) => nextTryInMs({ tried, schedule: triesAfterMs, retryAfter, now, random: 0.5 });
  assert.deepEqual([next(1, "60"), next(1, "1"), next(4, "60"), next(8, "60")], [60_000, 5_000, 7_200_000, undefined]);
});

test("Retry-After is read as seconds or as a date, at most a day, and nonsense is nothing", () => {
  const cases: [string, number][] = [
    ["0", 0],
    [" 120 ", 120_000],
    ["86400", 86_400_000],
    ["999999999999999999999", 86_400_000],
    ["Thu, 01 Jan 2026 00:01:00 GMT", 60_000],
    ["Thursday, 01-Jan-26 00:01:00 GMT", 60_000],
    ["Wed, 31 Dec 2025 23:59:00 GMT", 0],
    ["Fri, 01 Jan 2038 00:00:00 GMT", 86_400_000],
    ["", 0],
    ["-5", 0],
    ["1.5", 0],
    ["soon", 0],
    ["Foo, bar", 0],
    ["2026-01-02", 0],
  ];
  for (const [header, expected] of cases) assert.equal(retryAfterMs(header, now), expected, header);
});
