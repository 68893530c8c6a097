// Proves the transition table cell by cell, allowed or not, and how a message's status follows from its recipients'.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  deriveMessageStatus,
  isOpen,
  type MessageStatus,
  openStatuses,
  type RecipientStatus,
  recipientStatuses,
  settledStatuses,
  transitions,
} from "../../src/domain/states.ts";

function mayBecome(from: RecipientStatus, to: RecipientStatus, inDoubt = false): boolean {
  const rule = transitions[from][to];
  return rule === "always" || (rule === "doubt" && inDoubt);
}

/** The design's table, written down a second time, with the late 250 of an attempt that was taken over: what each state may become always, and what only while in doubt. */
const table: Record<RecipientStatus, { always: RecipientStatus[]; inDoubt: RecipientStatus[] }> = {
  scheduled: { always: ["queued", "suppressed", "cancelled", "failed"], inDoubt: [] },
  queued: { always: ["sending", "suppressed", "cancelled", "failed"], inDoubt: ["sent"] },
  sending: { always: ["sent", "deferred", "bounced", "failed", "unknown", "queued"], inDoubt: ["delivered", "complained"] },
  deferred: {
    always: ["sending", "queued", "cancelled", "suppressed", "failed", "unknown"],
    inDoubt: ["sent", "delivered", "bounced", "complained"],
  },
  sent: { always: ["delivered", "bounced", "complained"], inDoubt: [] },
  delivered: { always: ["bounced", "complained"], inDoubt: [] },
  unknown: { always: ["sent", "delivered", "bounced", "complained", "queued"], inDoubt: [] },
  bounced: { always: ["delivered", "queued"], inDoubt: [] },
  failed: { always: ["delivered", "queued"], inDoubt: [] },
  complained: { always: [], inDoubt: [] },
  suppressed: { always: [], inDoubt: [] },
  cancelled: { always: [], inDoubt: [] },
};

for (const from of recipientStatuses) {
  for (const to of recipientStatuses) {
    const always = table[from].always.includes(to);
    const inDoubt = always || table[from].inDoubt.includes(to);
    test(`${from} ${always ? "may" : inDoubt ? "may in doubt" : "may never"} become ${to}`, () => {
      assert.equal(mayBecome(from, to), always);
      assert.equal(mayBecome(from, to, false), always);
      assert.equal(mayBecome(from, to, true), inDoubt);
    });
  }
}

test("every state is either open or settled, and never both", () => {
  assert.deepEqual(recipientStatuses.filter(isOpen), [...openStatuses]);
  assert.deepEqual(
    recipientStatuses.filter((status) => !isOpen(status)),
    [...settledStatuses],
  );
  assert.equal(new Set(recipientStatuses).size, openStatuses.length + settledStatuses.length);
});

test("every open state can still be settled", () => {
  for (const status of openStatuses) {
    const reached = new Set<RecipientStatus>([status]);
    for (const from of reached) for (const to of recipientStatuses) if (mayBecome(from, to)) reached.add(to);
    assert.ok(
      settledStatuses.some((settled) => reached.has(settled)),
      status,
    );
  }
});

const derived: [string, RecipientStatus[], MessageStatus][] = [
  ["all scheduled is scheduled", ["scheduled", "scheduled"], "scheduled"],
  ["one scheduled beside a settled one is in progress", ["scheduled", "cancelled"], "in_progress"],
  ["queued is in progress", ["queued"], "in_progress"],
  ["sending is in progress", ["sending", "sent"], "in_progress"],
  ["one deferred beside a bounced one is in progress", ["deferred", "bounced"], "in_progress"],
  ["all delivered is delivered", ["delivered", "delivered"], "delivered"],
  ["all sent is sent", ["sent"], "sent"],
  ["sent and delivered is sent", ["delivered", "sent"], "sent"],
  ["delivered and bounced is partial", ["delivered", "bounced"], "partial"],
  ["sent and complained is partial", ["sent", "complained"], "partial"],
  ["bounced and failed is partial", ["bounced", "failed"], "partial"],
];
for (const [guarantee, statuses, status] of derived) {
  test(`a message's status: ${guarantee}`, () => {
    assert.equal(deriveMessageStatus(statuses), status);
    assert.equal(deriveMessageStatus(statuses.toReversed()), status);
  });
}

for (const status of settledStatuses) {
  test(`a message's status: all ${status} is ${status}`, () => {
    assert.equal(deriveMessageStatus([status]), status);
    assert.equal(deriveMessageStatus([status, status, status]), status);
  });
}
