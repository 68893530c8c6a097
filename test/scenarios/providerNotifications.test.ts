// A relay that swallows delivery status notifications still tells the truth: its provider posts what became of the mail.
import assert from "node:assert/strict";
import { test } from "node:test";
import { stringify } from "yaml";
import type { EventView } from "../../src/domain/eventView.ts";
import type { MessageView } from "../../src/domain/messageView.ts";
import { atEndOf } from "../support/atEnd.ts";
import { startGateway } from "../support/gateway.ts";
import { testMessage } from "../support/mailing.ts";
import { mailgunBody, mailgunEvent, sendgridEvent, sendgridHeaders, sendgridKeys } from "../support/notifications.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";
import { startWebhookReceiver, verifyRequest } from "../support/webhookReceiver.ts";

const redis = await sharedRedis();

test("a bounce that a provider posts to one process is told by webhook, suppresses, and stops the next message; API and worker are two", async (t) => {
  const atEnd = atEndOf(t);
  const queued = ["bdT3qimVR7SSpBEKunexIg", "K5AfgEp1RKaFOxEvX8hmwg"];
  const relay = await startScriptedRelay({ onData: () => `250 Ok: queued as ${queued.shift() ?? "0123456789abcdef"}` });
  atEnd(relay.stop);
  const receiver = await startWebhookReceiver();
  atEnd(() => receiver.stop());
  const keys = sendgridKeys();
  const signingKey = "key-of-mailgun-for-webhooks";
  const options = {
    env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url },
    config: stringify({
      webhooks: { allow_private: true },
      inbound: { sendgrid: { public_key: keys.base64 }, mailgun: { signing_key: signingKey } },
    }),
  };
  const api = await startGateway({ ...options, args: ["--role", "api"] });
  atEnd(() => api.stop());
  const worker = await startGateway({ ...options, args: ["--role", "worker"] });
  atEnd(() => worker.stop());
  const webhook = await api.post<{ secret: string }>("/v1/webhooks", {
    url: receiver.url,
    events: ["message.bounced", "suppression.added"],
  });
  const send = async (name: string, to: string): Promise<MessageView> =>
    api.messageSettled((await api.post<MessageView>("/v1/messages", testMessage(name, to))).body.id);
  /** As a provider posts: without a key of ours. */
  const post = (provider: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${api.url}/v1/inbound/${provider}`, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });

  const first = await send("first", "ada@example.net");
  const second = await send("second", "bob@example.net");
  assert.deepEqual([first.status, second.status], ["sent", "sent"]);

  // A complaint's kind of event, which names none of our ids: by the reply alone.
  const event = sendgridEvent({ "smtp-id": undefined, sg_message_id: "bdT3qimVR7SSpBEKunexIg.recvd-5f54b5d587-pczjm-1-61A8C0AF-5.0" });
  const body = JSON.stringify([event]);
  const headers = sendgridHeaders(keys.privateKey, body);
  assert.equal((await post("sendgrid", body)).status, 401);
  const answer = await post("sendgrid", body, headers);
  assert.deepEqual([answer.status, await answer.json()], [200, { stored: 1, known: 0, ignored: 0 }]);
  const internetId = second.internet_message_id.replace(/^<|>$/g, "");
  assert.equal(
    (await post("mailgun", JSON.stringify(mailgunBody(signingKey, mailgunEvent(internetId, { recipient: "bob@example.net" }))))).status,
    200,
  );

  for (const { id } of [first, second]) {
    await waitFor(async () => (await api.get<MessageView>(`/v1/messages/${id}`)).body.status === "bounced", {
      what: "the bounce to reach its message",
      timeoutMs: 30_000,
    });
  }
  const requests = await receiver.waitForRequests(4);
  const told = requests.map((request) => verifyRequest(request, webhook.body.secret) as Omit<EventView, "id">);
  assert.deepEqual(told.map(({ type, data }) => [type, data.recipient].join(" ")).sort(), [
    "message.bounced ada@example.net",
    "message.bounced bob@example.net",
    "suppression.added ada@example.net",
    "suppression.added bob@example.net",
  ]);
  assert.equal((await send("third", "Ada@example.net")).status, "suppressed");
  assert.equal(relay.accepted.length, 2);
});
