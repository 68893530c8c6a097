// Proves that an event's id carries its sequence number, sorts like the log, and cannot be mistaken for anything else.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { eventId, eventTypes, sequenceOf } from "../../src/domain/events.ts";

const time = fc.nat({ max: Number.MAX_SAFE_INTEGER });
/** Ten digits of base 32 hold 50 bits. */
const sequence = fc.nat({ max: 2 ** 50 - 1 });

test("the sequence number comes back out of the id", () => {
  fc.assert(fc.property(time, sequence, (at, number) => assert.equal(sequenceOf(eventId({ at, sequence: number })), number)));
  assert.equal(sequenceOf(eventId({ at: Date.UTC(2026, 0, 1), sequence: 2 ** 50 - 1 })), 2 ** 50 - 1);
});

test("ids sort as their events do", () => {
  const at = Date.UTC(2026, 0, 1);
  fc.assert(
    fc.property(sequence, sequence, (a, b) => {
      const [idA, idB] = [eventId({ at, sequence: a }), eventId({ at, sequence: b })];
      assert.equal(Math.sign(a - b), idA < idB ? -1 : idA > idB ? 1 : 0);
    }),
  );
  assert.ok(eventId({ at, sequence: 9 }) < eventId({ at: at + 1, sequence: 1 }));
});

test("a log begun anew gives other ids to the same numbers", () => {
  assert.notEqual(eventId({ at: 1_000, sequence: 1 }), eventId({ at: 2_000, sequence: 1 }));
});

test("what is not an event id has no sequence number", () => {
  const id = eventId({ at: Date.UTC(2026, 0, 1), sequence: 77 });
  for (const other of [
    "",
    "evt_",
    "77",
    id.slice(0, -1),
    `${id}0`,
    ` ${id}`,
    `${id}\n`,
    id.toUpperCase(),
    id.replace("evt_", "msg_"),
    `${id.slice(0, -1)}i`,
    `${id.slice(0, -1)}u`,
  ]) {
    assert.equal(sequenceOf(other), undefined, JSON.stringify(other));
  }
});

test("no event type is listed twice, and each names its subject and what happened", () => {
  assert.equal(new Set(eventTypes).size, eventTypes.length);
  for (const type of eventTypes) assert.match(type, /^(?:message|suppression|webhook)\.[a-z]+$/);
});
