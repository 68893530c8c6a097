// The accounts must be able to fail: a whole run, and what is wrong once a part of it is taken away or added.
import assert from "node:assert/strict";
import { test } from "node:test";
import { atEndOf } from "./atEnd.ts";
import { settleAccounts, subscribeToAll } from "./faultAccounts.ts";
import { startGateway } from "./gateway.ts";
import { sendEach, testMessage } from "./mailing.ts";
import { sharedRedis } from "./redis.ts";
import { startScriptedRelay } from "./scriptedRelay.ts";
import { startWebhookReceiver } from "./webhookReceiver.ts";

const redis = await sharedRedis();

test("the accounts are in order after an undisturbed run, and name whatever is lost, doubled, unasked for or untold", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay({
    onRcpt: ({ address }) => (address.startsWith("gone") ? "550 5.1.1 User unknown" : undefined),
  });
  atEnd(relay.stop);
  const receiver = await startWebhookReceiver();
  atEnd(receiver.stop);
  const gateway = await startGateway({
    env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url },
    config: "webhooks: { allow_private: true }",
  });
  atEnd(() => gateway.stop());
  const webhook = await subscribeToAll(gateway, receiver);
  const sent = await sendEach(gateway, [testMessage("one", ["a@example.net", "gone@example.net"]), testMessage("two", "b@example.net")]);
  const receipts = sent.map(({ id }) => id);
  const found = await settleAccounts({ gateway, receipts, mails: () => relay.accepted, webhook, timeoutMs: 20_000 });
  assert.equal(found.inWords, "3 recipients, 0 lost, 0 doubled, 0 flagged, 6 events at the webhook, 0 repeated");
  assert.deepEqual(found.recipients.map(({ address, status, copies }) => [address, status, copies]).toSorted(), [
    ["a@example.net", "sent", 1],
    ["b@example.net", "sent", 1],
    ["gone@example.net", "bounced", 0],
  ]);

  const first = relay.accepted.find(({ to }) => to[0] === "a@example.net");
  const others = relay.accepted.filter((mail) => mail !== first);
  assert.ok(first && others.length === 1);
  const withMails = (mails: typeof relay.accepted) => () => settleAccounts({ gateway, receipts, mails: () => mails });
  await assert.rejects(withMails(others), /^AssertionError.*: lost: /);
  await assert.rejects(withMails([first, first, ...others]), /doubled, and not flagged/);
  await assert.rejects(withMails([first, { ...first, raw: Buffer.concat([first.raw, Buffer.from("x")]) }, ...others]), /differ/);
  await assert.rejects(withMails([...others, { ...first, to: ["a@example.net", "x@example.net"] }]), /nobody asked for/);
  await assert.rejects(withMails([...others, { ...first, to: ["a@example.net", "gone@example.net"] }]), /the relay has it/);
  const told = { gateway, mails: () => relay.accepted, timeoutMs: 100 };
  await assert.rejects(settleAccounts({ ...told, receipts: ["msg_none"] }), /is not in the ledger/);
  const oneLess = { ...receiver, requests: receiver.requests.slice(1) };
  await assert.rejects(settleAccounts({ ...told, receipts, webhook: { ...webhook, receiver: oneLess } }), /1 are missing/);
});
