import assert from "node:assert/strict";
import { test } from "node:test";
import { eventId, type StoredEvent } from "../../src/domain/events.ts";
import { eventBody, eventView } from "../../src/domain/eventView.ts";

const event: StoredEvent = {
  sequence: 42,
  type: "message.deferred",
  at: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  tenant: "acme",
  message_id: "msg_1",
  recipient: "a@example.com",
  status: "deferred",
  attempt: 2,
  relay: "ses",
  reply: { code: 452, enhanced: "4.2.2", text: "mailbox full" },
  category: "mailbox_full",
  hard_bounce: false,
  possible_duplicate: true,
};

test("an event shows everything it says, its advice and its message's tags, and not whose it is", () => {
  const view = eventView(event, { tags: ["a"], metadata: { b: "c" } });
  assert.deepEqual(
    { ...view, data: { ...view.data, advice: typeof view.data.advice } },
    {
      id: eventId(event),
      type: "message.deferred",
      timestamp: "2026-01-02T03:04:05.006Z",
      data: {
        id: eventId(event),
        sequence: 42,
        message_id: "msg_1",
        recipient: "a@example.com",
        status: "deferred",
        attempt: 2,
        relay: "ses",
        reply: { code: 452, enhanced: "4.2.2", text: "mailbox full" },
        category: "mailbox_full",
        hard_bounce: false,
        advice: "string",
        possible_duplicate: true,
        tags: ["a"],
        metadata: { b: "c" },
      },
    },
  );
  assert.equal(JSON.stringify(view).includes("acme"), false);
});

test("what an event does not say is null, and nothing is missing", () => {
  const { data } = eventView({ sequence: 1, type: "webhook.disabled", at: 0, tenant: "acme", webhook_id: "wh_1" });
  assert.deepEqual(Object.keys(data), [...Object.keys(eventView(event).data), "webhook_id"]);
  assert.deepEqual(
    [data.message_id, data.reply, data.advice, data.tags, data.metadata, data.webhook_id],
    [null, null, null, null, null, "wh_1"],
  );
  assert.equal(data.possible_duplicate, false);
});

test("a webhook's body is the event without its outer id", () => {
  const { id: _id, ...rest } = eventView(event);
  assert.deepEqual(eventBody(event), rest);
});
