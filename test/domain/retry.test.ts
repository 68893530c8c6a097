// When to try again.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backoffMs, faultBackoffMs } from "../../src/domain/retry.ts";

const scheduleMs = [60_000, 300_000, 900_000];
const middle = 0.5;
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("each retry takes the schedule's next step, and the last step repeats", () => {
  const waits = [1, 2, 3, 4, 500].map((tries) => backoffMs({ tries, scheduleMs, random: middle }));
  assert.deepEqual(waits, [60_000, 300_000, 900_000, 900_000, 900_000]);
});

test("no tries at all count as the first retry", () => {
  assert.equal(backoffMs({ tries: 0, scheduleMs, random: middle }), 60_000);
});

test("the jitter spreads a wait over the whole of ±20 % and not beyond", () => {
  assert.equal(backoffMs({ tries: 1, scheduleMs, random: 0 }), 48_000);
  assert.equal(backoffMs({ tries: 1, scheduleMs, random: 1 - 2 ** -53 }), 72_000);
  fc.assert(
    fc.property(random, (value) => {
      const wait = backoffMs({ tries: 1, scheduleMs, random: value });
      assert.ok(Number.isInteger(wait) && wait >= 48_000 && wait <= 72_000);
    }),
  );
});

test("a relay's faults double the first step", () => {
  const waits = [1, 2, 3].map((faults) => faultBackoffMs({ faults, scheduleMs, random: middle }));
  assert.deepEqual(waits, [60_000, 120_000, 240_000]);
});

test("a relay's fault never means a wait of more than five minutes, however many there were and however long the schedule is", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 1_000_000_000 }), random, (faults, firstMs, value) => {
      const wait = faultBackoffMs({ faults, scheduleMs: [firstMs], random: value });
      assert.ok(Number.isInteger(wait) && wait >= 0 && wait <= 300_000);
    }),
  );
});

test("waits at the five minute bound are still spread", () => {
  const waits = [0, 0.5, 0.999].map((value) => faultBackoffMs({ faults: 50, scheduleMs, random: value }));
  assert.deepEqual(waits, [200_000, 250_000, 299_900]);
});

test("an empty schedule is a fault of the caller", () => {
  assert.throws(() => backoffMs({ tries: 1, scheduleMs: [], random: middle }), /at least one step/);
  assert.throws(() => faultBackoffMs({ faults: 1, scheduleMs: [], random: middle }), /at least one step/);
});
