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

test("a refusal of the content is no hard bounce: the address is not to blame", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startRelay(atEnd, { onData: () => "554 5.7.1 Message rejected as spam by content filtering" });
  const gateway = await startBefore(atEnd, relay.url);
  const { recipients } = await gateway.messageSettled(await sendOne(gateway, testMessage("spam", ["a@example.net", "b@example.net"])));
  for (const { status, category, hard_bounce, reply } of recipients) {
    assert.deepEqual([status, category, hard_bounce, reply?.code], ["bounced", "spam", false, 554]);
  }
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
