// What happens when nobody can know whether the relay took the mail, and that this is never claimed where it can be known.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { type AtEnd, atEndOf } from "../support/atEnd.ts";
import { startGateway } from "../support/gateway.ts";
import { headerOf } from "../support/mailHeader.ts";
import { eventsOf, sendEach, testMessage } from "../support/mailing.ts";
import { sharedRedis } from "../support/redis.ts";
import { type Script, startScriptedRelay } from "../support/scriptedRelay.ts";

const redis = await sharedRedis();

/** A gateway with short retries before a relay that follows the script. `copies` finds what the relay has of a message. */
async function startBefore(atEnd: AtEnd, script: Script) {
  const relay = await startScriptedRelay(script);
  atEnd(relay.stop);
  const gateway = await startGateway({ env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url }, config: "retry: { schedule: [100ms] }" });
  atEnd(() => gateway.stop());
  const copies = (testId: string) => relay.accepted.filter(({ raw }) => headerOf(raw, "x-test-id") === testId);
  return { relay, gateway, copies };
}

const onlyRecipient = (message: MessageView) => {
  assert.equal(message.recipients.length, 1);
  return message.recipients[0] as MessageView["recipients"][number];
};

test("a relay that cuts after every final dot gets at most three copies of the same bytes, flagged, and then the recipient is unknown", async (t) => {
  const atEnd = atEndOf(t);
  const { gateway, copies } = await startBefore(atEnd, { onData: () => ({ cut: true, store: true }) });
  const [accepted] = await sendEach(gateway, [testMessage("resend", "a@example.net")]);
  const message = await gateway.messageSettled(accepted?.id ?? "");
  const recipient = onlyRecipient(message);
  assert.deepEqual([message.status, recipient.attempts, recipient.possible_duplicate], ["unknown", 3, true]);
  assert.equal(recipient.reply?.code, null, "the relay said nothing");
  assert.match(recipient.reply?.text ?? "", /\w/, "what happened is said");
  const [first, ...others] = copies("resend");
  assert.equal(others.length, 2);
  for (const { raw } of others) assert.ok(first?.raw.equals(raw));
  const events = await eventsOf(gateway, message.id);
  assert.deepEqual(
    events.map(({ type, data }) => [type, data.attempt, data.possible_duplicate]),
    [
      ["message.accepted", null, false],
      ["message.deferred", 1, true],
      ["message.deferred", 2, true],
      ["message.unknown", 3, true],
    ],
  );
});

test("a message that asked to hold is sent once, and unknown at the first doubt", async (t) => {
  const atEnd = atEndOf(t);
  const { gateway, copies } = await startBefore(atEnd, { onData: () => ({ cut: true, store: true }) });
  const [accepted] = await sendEach(gateway, [testMessage("hold", "a@example.net", { on_doubt: "hold" })]);
  const message = await gateway.messageSettled(accepted?.id ?? "");
  const recipient = onlyRecipient(message);
  assert.deepEqual([message.status, recipient.attempts], ["unknown", 1]);
  const events = await eventsOf(gateway, message.id);
  assert.deepEqual(
    events.map(({ type }) => type),
    ["message.accepted", "message.unknown"],
  );
  assert.equal(copies("hold").length, 1);
});

test("after one doubt the mail is sent again, with the same Message-ID and bytes, and `sent` says that it may be a double", async (t) => {
  const atEnd = atEndOf(t);
  const { gateway, copies } = await startBefore(atEnd, {
    onData: ({ attempt }) => (attempt === 1 ? { cut: true, store: true } : undefined),
  });
  const [accepted] = await sendEach(gateway, [testMessage("once", "a@example.net")]);
  const message = await gateway.messageSettled(accepted?.id ?? "");
  const recipient = onlyRecipient(message);
  assert.deepEqual([message.status, recipient.attempts, recipient.possible_duplicate], ["sent", 2, true]);
  assert.equal(recipient.category, null);
  const sent = (await eventsOf(gateway, message.id)).at(-1);
  assert.deepEqual([sent?.type, sent?.data.possible_duplicate, sent?.data.reply?.code], ["message.sent", true, 250]);
  const [first, second, ...more] = copies("once");
  assert.equal(more.length, 0);
  assert.equal(headerOf(first?.raw ?? Buffer.alloc(0), "message-id"), message.internet_message_id);
  assert.ok(second && first?.raw.equals(second.raw));
});

test("a relay that cuts before the body, or in the middle of it, cannot have the mail: it is sent again without a word of doubt, once", async (t) => {
  const atEnd = atEndOf(t);
  const cutsLeft = { DATA: 2, body: 2 };
  const { gateway, copies } = await startBefore(atEnd, {
    onCommand: ({ verb }) => (verb === "DATA" && cutsLeft.DATA-- > 0 ? { cut: true } : undefined),
    onBody: () => (cutsLeft.body-- > 0 ? 100_000 : undefined),
  });
  // Larger than what fits into the buffers of a connection on its way, so that the cut really meets the middle.
  const text = "A line of a long letter, of which there are many.\n".repeat(200_000);
  const [accepted] = await sendEach(gateway, [testMessage("long", ["a@example.net", "b@example.net"], { text })]);
  const message = await gateway.messageSettled(accepted?.id ?? "", 30_000);
  for (const { status, attempts, possible_duplicate } of message.recipients) {
    assert.deepEqual({ status, attempts, possible_duplicate }, { status: "sent", attempts: 5, possible_duplicate: false });
  }
  const [mail, ...more] = copies("long");
  assert.equal(more.length, 0);
  assert.equal(mail?.raw.length, message.size);
  const events = await eventsOf(gateway, message.id);
  assert.ok(events.every(({ data }) => !data.possible_duplicate));
  assert.equal(events.filter(({ type }) => type === "message.deferred").length, 8);
});
