// Promise 3: status is honest. Every state carries the relay's own words, what they mean and what to do about it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { type AtEnd, atEndOf } from "../support/atEnd.ts";
import { freePort } from "../support/freePort.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { eventsOf, sendEach, testMessage } from "../support/mailing.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();

async function startBefore(atEnd: AtEnd, smtpUrl: string, env: Record<string, string> = {}): Promise<Gateway> {
  const gateway = await startGateway({
    env: { REDIS_URL: redis.freshUrl(), SMTP_URL: smtpUrl, ...env },
    config: "retry: { schedule: [200ms] }",
  });
  atEnd(() => gateway.stop());
  return gateway;
}

async function startRelay(atEnd: AtEnd, options: Parameters<typeof startScriptedRelay>[0]) {
  const relay = await startScriptedRelay(options);
  atEnd(relay.stop);
  return relay;
}

async function sendOne(gateway: Gateway, message: ReturnType<typeof testMessage>): Promise<string> {
  const [accepted] = await sendEach(gateway, [message]);
  return (accepted as MessageView).id;
}

/** Waits until a message that has one recipient was deferred, and returns that recipient as it is between two attempts. */
function deferredRecipient(gateway: Gateway, id: string): Promise<MessageView["recipients"][number]> {
  const deferred = async () => {
    const { body } = await gateway.get<MessageView>(`/v1/messages/${id}`);
    return body.recipients.find(({ status }) => status === "deferred");
  };
  return waitFor(deferred, { what: `message ${id} to be deferred`, everyMs: 5 });
}

test("each recipient of one message gets its own outcome, with the relay's reply, a category and advice; what was put off is retried until taken", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startRelay(atEnd, {
    onRcpt: ({ address, attempt }) => {
      if (address.startsWith("gone")) return `550 5.1.1 <${address}>: Recipient address rejected: User unknown`;
      if (address.startsWith("full") && attempt <= 2) return "450 4.2.2 The mailbox is full";
      return undefined;
    },
  });
  const gateway = await startBefore(atEnd, relay.url);
  const to = ["fine@example.net", "full@example.net", "gone@example.net"];
  const message = await gateway.messageSettled(await sendOne(gateway, testMessage("mixed", to)));

  assert.equal(message.status, "partial");
  const [fine, full, gone] = message.recipients;
  assert.deepEqual(fine?.reply, { code: 250, enhanced: "2.0.0", text: "accepted" });
  assert.deepEqual([fine?.status, fine?.attempts, fine?.category, fine?.hard_bounce, fine?.advice], ["sent", 1, null, null, null]);
  assert.deepEqual([full?.status, full?.attempts, full?.category, full?.possible_duplicate], ["sent", 3, null, false]);
  assert.deepEqual(gone?.reply, {
    code: 550,
    enhanced: "5.1.1",
    text: "<gone@example.net>: Recipient address rejected: User unknown",
  });
  assert.deepEqual([gone?.status, gone?.attempts, gone?.category, gone?.hard_bounce], ["bounced", 1, "invalid_recipient", true]);
  assert.match(gone?.advice ?? "", /\w+ \w+/);
  assert.ok(message.recipients.every(({ relay: name }) => name === "default"));

  const events = await eventsOf(gateway, message.id);
  const told = events.filter(({ data }) => data.recipient === "full@example.net");
  assert.deepEqual(
    told.map(({ type, data }) => [type, data.attempt, data.reply?.code, data.reply?.enhanced, data.category]),
    [
      ["message.deferred", 1, 450, "4.2.2", "mailbox_full"],
      ["message.deferred", 2, 450, "4.2.2", "mailbox_full"],
      ["message.sent", 3, 250, "2.0.0", null],
    ],
  );
  assert.match(told[0]?.data.advice ?? "", /\w+ \w+/);
  // Only the one that was put off was sent to again.
  assert.deepEqual(
    relay.accepted.map((mail) => mail.to),
    [["fine@example.net"], ["full@example.net"]],
  );

  const { body } = await gateway.get<{ data: { transcript: { from: string; line: string }[] }[] }>(`/v1/messages/${message.id}/attempts`);
  assert.equal(body.data.length, 3);
  const said = body.data[0]?.transcript.filter(({ from }) => from === "server").map(({ line }) => line);
  assert.ok(said?.some((line) => line.startsWith("550 5.1.1 <gone@example.net>")));
});

test("a refusal of the content is no hard bounce: the address is not to blame", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startRelay(atEnd, { onData: () => "554 5.7.1 Message rejected as spam by content filtering" });
  const gateway = await startBefore(atEnd, relay.url);
  const { recipients } = await gateway.messageSettled(await sendOne(gateway, testMessage("spam", ["a@example.net", "b@example.net"])));
  for (const { status, category, hard_bounce, reply } of recipients) {
    assert.deepEqual([status, category, hard_bounce, reply?.code], ["bounced", "spam", false, 554]);
  }
});

test("a relay that turns us away at its greeting bounces nobody: the mail waits, says so, and goes once the relay lets us in", async (t) => {
  const atEnd = atEndOf(t);
  let refuses = true;
  const relay = await startRelay(atEnd, { onConnect: () => (refuses ? "554 5.3.2 No SMTP service here" : undefined) });
  const gateway = await startBefore(atEnd, relay.url);
  const id = await sendOne(gateway, testMessage("greeting", "a@example.net"));
  const waiting = await deferredRecipient(gateway, id);
  assert.deepEqual(waiting.reply, { code: 554, enhanced: "5.3.2", text: "No SMTP service here" });
  assert.equal(waiting.hard_bounce, false);
  assert.ok(waiting.category !== null && waiting.category !== "invalid_recipient", `${waiting.category}`);
  assert.ok(Date.parse(waiting.next_attempt_at ?? "") > Date.parse(waiting.updated_at), "it says when it tries again");
  refuses = false;
  const { status } = await gateway.messageSettled(id);
  assert.equal(status, "sent");
});

test("a login that the relay refuses bounces nobody, names the fault, never shows the password, and mends itself", async (t) => {
  const atEnd = atEndOf(t);
  let refuses = true;
  const relay = await startRelay(atEnd, {
    implicitTls: true,
    auth: { user: "app", pass: "geheim-1234" },
    onCommand: ({ verb }) => (refuses && verb === "AUTH" ? "535 5.7.8 Authentication credentials invalid" : undefined),
  });
  const gateway = await startBefore(atEnd, relay.url, { NODE_EXTRA_CA_CERTS: relay.certificate?.certificateFile ?? "" });
  const id = await sendOne(gateway, testMessage("login", "a@example.net"));
  const waiting = await deferredRecipient(gateway, id);
  assert.deepEqual([waiting.reply?.code, waiting.reply?.enhanced], [535, "5.7.8"]);
  assert.equal(waiting.category, "relay_denied");
  refuses = false;
  const { status } = await gateway.messageSettled(id);
  assert.equal(status, "sent");
  const { body } = await gateway.get(`/v1/messages/${id}/attempts`);
  const shown = JSON.stringify(body) + gateway.logs().join("\n");
  for (const secret of ["geheim-1234", Buffer.from("\0app\0geheim-1234").toString("base64")]) assert.ok(!shown.includes(secret));
});

test("while nobody listens at the relay's port the mail waits and says so; it goes once the relay is there", async (t) => {
  const atEnd = atEndOf(t);
  const port = await freePort();
  const gateway = await startBefore(atEnd, `smtp://127.0.0.1:${port}`);
  const id = await sendOne(gateway, testMessage("refused", "a@example.net"));
  const waiting = await deferredRecipient(gateway, id);
  assert.deepEqual([waiting.category, waiting.reply?.code, waiting.hard_bounce], ["unreachable", null, false]);
  assert.match(waiting.reply?.text ?? "", /refused/i);
  assert.match(waiting.advice ?? "", /\w+ \w+/);
  const relay = await startRelay(atEnd, { port });
  const message = await gateway.messageSettled(id);
  assert.deepEqual([message.status, relay.accepted.length], ["sent", 1]);
});

test("a message whose time is over ends as failed, expired: while its relay is down, and also when no worker ever got to it", async (t) => {
  const atEnd = atEndOf(t);
  const down = await startBefore(atEnd, `smtp://127.0.0.1:${await freePort()}`);
  const tried = await sendOne(down, testMessage("down", "a@example.net", { expires_after: "2s" }));

  // The only connection of this relay never comes free, so the second message waits for its turn for ever.
  const stuckRelay = await startRelay(atEnd, { onData: () => ({ hang: true }) });
  const stuck = await startBefore(atEnd, `${stuckRelay.url}?connections=1`);
  await sendOne(stuck, testMessage("stuck", "a@example.net"));
  await waitFor(() => stuckRelay.connections[0]?.commands.includes("DATA"), { what: "the connection to be taken" });
  const untried = await sendOne(stuck, testMessage("untried", "b@example.net", { expires_after: "2s" }));

  for (const [gateway, id, wasTried] of [[down, tried, true] as const, [stuck, untried, false] as const]) {
    const message = await gateway.messageSettled(id);
    const [recipient] = message.recipients;
    assert.deepEqual([message.status, recipient?.category, recipient?.hard_bounce], ["failed", "expired", false]);
    assert.equal((recipient?.attempts ?? 0) > 0, wasTried);
    const lateMs = Date.parse(recipient?.updated_at ?? "") - Date.parse(message.expires_at);
    assert.ok(lateMs >= 0 && lateMs < 2_000, `settled ${lateMs} ms after the deadline`);
    assert.equal((await eventsOf(gateway, id)).at(-1)?.type, "message.failed");
    assert.match(recipient?.advice ?? "", /\w+ \w+/);
  }
  stuckRelay.closeConnections();
});
