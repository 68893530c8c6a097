import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoredEvent } from "../../src/domain/events.ts";
import { inLastMinute, minuteMs, tallyOf } from "../../src/domain/stats.ts";

const at = 29_000_000 * minuteMs;

function event(changes: Partial<StoredEvent>): StoredEvent {
  return { sequence: 1, type: "message.sent", at, tenant: "default", message_id: "msg_1", recipient: "ada@example.net", ...changes };
}

/** In short: whose, minute, name, count. */
function tally(events: StoredEvent[], since = 0): string[] {
  return tallyOf(events, since).map(({ of, minute, name, count }) => `${Object.values(of)} +${minute - 29_000_000} ${name} ${count}`);
}

test("events are counted by tenant, minute and kind; those that count nothing are passed over", () => {
  const events = [
    event({ type: "message.accepted" }),
    event({}),
    event({ recipient: "grace@example.org" }),
    event({ at: at + minuteMs - 1 }),
    event({ at: at + minuteMs }),
    event({ tenant: "acme", type: "message.bounced" }),
    event({ type: "suppression.added" }),
    event({ type: "message.rescheduled" }),
  ];
  assert.deepEqual(tally(events), ["default +0 accepted 1", "default +0 sent 3", "default +1 sent 1", "acme +0 bounced 1"]);
});

test("what happened too long ago is passed over", () => {
  assert.deepEqual(tally([event({ at: at - 1 }), event({})], at), ["default +0 sent 1"]);
});

test("several recipients of one attempt are one use of their relay, and a report or an end without an attempt is none", () => {
  const events = [
    event({ relay: "ses", attempt: 1 }),
    event({ relay: "ses", attempt: 1, recipient: "grace@example.org", type: "message.deferred" }),
    event({ relay: "ses", attempt: 2 }),
    event({ relay: "ses", attempt: 1, message_id: "msg_2" }),
    event({ relay: "office", attempt: 1 }),
    event({ relay: "ses", attempt: 2, type: "message.delivered" }),
    event({ relay: "ses", type: "message.failed" }),
    event({ relay: "ses" }),
  ];
  assert.deepEqual(
    tally(events).filter((line) => line.includes("attempts")),
    ["ses +0 attempts 3", "office +0 attempts 1"],
  );
});

test("the last 60 seconds are this minute and the rest of the one before", () => {
  const counts = new Map([
    [29_000_000, 10],
    [29_000_001, 5],
  ]);
  const countOf = (minute: number) => counts.get(minute) ?? 0;
  assert.equal(inLastMinute(countOf, at + minuteMs), 15);
  assert.equal(inLastMinute(countOf, at + 1.5 * minuteMs), 10);
  assert.equal(inLastMinute(countOf, at + 2 * minuteMs), 5);
  assert.equal(inLastMinute(countOf, at + 3 * minuteMs), 0);
});
