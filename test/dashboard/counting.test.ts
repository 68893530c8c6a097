import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event, StatsRow } from "../../src/dashboard/api/wire.ts";
import { countedNames, sumOf, upTo, withEvents } from "../../src/dashboard/counting.ts";
import { countMarks, timeMarks } from "../../src/dashboard/parts/chartScale.ts";

const minuteMs = 60_000;
const start = Date.parse("2026-01-31T09:00:00.000Z");

function row(minute: number, changes: Partial<StatsRow> = {}): StatsRow {
  const none = Object.fromEntries(countedNames.map((name) => [name, 0])) as Omit<StatsRow, "at">;
  return { ...none, at: new Date(start + minute * minuteMs).toISOString(), ...changes };
}

function event(type: string, atMs: number): Event {
  return { id: `evt_${atMs}`, type, timestamp: new Date(start + atMs).toISOString(), data: {} as Event["data"] };
}

test("an event is added to the step in which it happened, and what was given stays as it is", () => {
  const rows = [row(0, { sent: 2 }), row(1)];
  const added = withEvents(rows, minuteMs, [event("message.sent", 59_999), event("message.bounced", 60_000)]);
  assert.deepEqual([added[0]?.sent, added[1]?.bounced, added.length], [3, 1, 2]);
  assert.deepEqual([rows[0]?.sent, rows[1]?.bounced], [2, 0]);
});

test("an event behind the last step makes the steps up to its own; one before the first, or of another kind, changes nothing", () => {
  const added = withEvents([row(0)], minuteMs, [
    event("message.accepted", 3 * minuteMs),
    event("message.accepted", -1),
    event("suppression.added", 0),
    event("message.rescheduled", 0),
  ]);
  assert.deepEqual(
    added.map(({ at, accepted }) => [at, accepted]),
    [0, 1, 2, 3].map((minute) => [row(minute).at, minute === 3 ? 1 : 0]),
  );
  assert.equal(sumOf(added, "accepted"), 1);
});

test("a chart reaches to the present, however long nothing has happened, and no further back than its length", () => {
  const shown = upTo([row(0, { sent: 9 }), row(1, { sent: 1 })], minuteMs, 3 * minuteMs, start + 3.5 * minuteMs);
  assert.deepEqual(
    shown.map(({ at, sent }) => [at, sent]),
    [
      [row(1).at, 1],
      [row(2).at, 0],
      [row(3).at, 0],
    ],
  );
  assert.deepEqual(upTo([], minuteMs, 3 * minuteMs, start), []);
});

test("a scale of counts begins at nothing, goes up in whole steps, and reaches the highest", () => {
  for (const highest of [0, 1, 3, 4, 5, 17, 99, 100, 1_234, 98_765, 1_000_000]) {
    const marks = countMarks(highest, 4);
    assert.equal(marks[0], 0);
    assert.ok((marks.at(-1) ?? 0) >= highest, `${highest}: ${marks}`);
    assert.ok(marks.length >= 2 && marks.length <= 6, `${highest}: ${marks}`);
    assert.ok(marks.every(Number.isInteger), `${highest}: ${marks}`);
  }
});

test("a scale of time has as many marks as there is room for, all within it and evenly apart", () => {
  for (const hours of [1, 24]) {
    for (const count of [2, 5, 10]) {
      const marks = timeMarks(start + 123, start + 123 + hours * 60 * minuteMs, count);
      assert.ok(marks.length >= 1 && marks.length <= count + 1, `${hours} h, ${count}: ${marks.length}`);
      assert.ok(marks.every((mark) => mark >= start && mark <= start + 123 + hours * 60 * minuteMs));
      const gaps = new Set(marks.slice(1).map((mark, index) => mark - (marks[index] ?? 0)));
      assert.ok(gaps.size <= 1);
    }
  }
});
