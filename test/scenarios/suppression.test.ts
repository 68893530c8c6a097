// Who cannot or will not be written to is not written to again, until somebody lifts it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventView } from "../../src/domain/eventView.ts";
import type { MessageView } from "../../src/domain/messageView.ts";
import { atEndOf } from "../support/atEnd.ts";
import { startGateway } from "../support/gateway.ts";
import { testMessage } from "../support/mailing.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { startWebhookReceiver, verifyRequest } from "../support/webhookReceiver.ts";

const redis = await sharedRedis();

test("a hard bounce suppresses its address: the next message ends as suppressed, and once that is lifted mail goes out again", async (t) => {
  const atEnd = atEndOf(t);
  let isGone = true;
  const relay = await startScriptedRelay({
    onRcpt: ({ address }) => (isGone && address.toLowerCase().startsWith("ada") ? "550 5.1.1 User unknown" : undefined),
  });
  atEnd(relay.stop);
  const receiver = await startWebhookReceiver();
  atEnd(() => receiver.stop());
  const gateway = await startGateway({
    env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url },
    config: "webhooks: { allow_private: true }",
  });
  atEnd(() => gateway.stop());
  const webhook = await gateway.post<{ secret: string }>("/v1/webhooks", {
    url: receiver.url,
    events: ["suppression.added", "message.suppressed", "suppression.removed"],
  });
  const send = async (name: string, to: string[]): Promise<MessageView> => {
    const { status, body } = await gateway.post<MessageView>("/v1/messages", testMessage(name, to));
    assert.equal(status, 202);
    return gateway.messageSettled(body.id);
  };

  const bounced = await send("first", ["ada@example.net", "bob@example.net"]);
  assert.deepEqual(
    bounced.recipients.map(({ status }) => status),
    ["bounced", "sent"],
  );
  const { body: standing } = await gateway.get<Record<string, unknown>>("/v1/suppressions/ada@example.net");
  assert.deepEqual(
    [standing.reason, standing.source, standing.category, standing.message_id],
    ["bounce", "delivery", "invalid_recipient", bounced.id],
  );

  isGone = false;
  const suppressed = await send("second", ["Ada@Example.NET", "bob@example.net"]);
  const [ada, bob] = suppressed.recipients;
  assert.deepEqual(
    [ada?.status, ada?.attempts, ada?.category, ada?.suppression?.reason, bob?.status],
    ["suppressed", 0, "invalid_recipient", "bounce", "sent"],
  );
  assert.match(ada?.advice ?? "", /DELETE \/v1\/suppressions/);

  assert.equal((await gateway.request("DELETE", "/v1/suppressions/ada@example.net")).status, 204);
  assert.equal((await send("third", ["ada@example.net"])).status, "sent");
  assert.deepEqual(
    relay.accepted.map(({ to }) => to),
    [["bob@example.net"], ["bob@example.net"], ["ada@example.net"]],
  );

  const requests = await receiver.waitForRequests(3);
  const told = requests.map((request) => verifyRequest(request, webhook.body.secret) as Omit<EventView, "id">);
  assert.deepEqual(
    told
      .sort((a, b) => a.data.sequence - b.data.sequence)
      .map(({ type, data }) => [type, data.recipient, data.suppression?.reason, data.message_id]),
    [
      ["suppression.added", "ada@example.net", "bounce", bounced.id],
      ["message.suppressed", "Ada@example.net", "bounce", suppressed.id],
      ["suppression.removed", "ada@example.net", "bounce", bounced.id],
    ],
  );
});

test("one who is suppressed, or leaves the list, after a message was accepted and before its time gets nothing; the worker is another process", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay();
  atEnd(relay.stop);
  const env = { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url, PUBLIC_URL: "https://mail.example.com/" };
  const api = await startGateway({ env, args: ["--role", "api"] });
  atEnd(() => api.stop());

  const accept = async (name: string, to: string, more: object) => {
    const { body } = await api.post<MessageView>("/v1/messages", testMessage(name, to, { ...more }));
    return body.id;
  };
  const complained = await accept("complained", "ada@example.net", {});
  const left = await accept("left", "bob@example.net", { unsubscribe: { list: "news" } });
  const fine = await accept("fine", "bob@example.net", { unsubscribe: { list: "offers" } });
  assert.equal((await api.post("/v1/suppressions", { address: "ada@example.net", reason: "complaint" })).status, 201);
  const { body: mail } = await api.get<string>(`/v1/messages/${left}/content`);
  const path = /^List-Unsubscribe: <https:\/\/mail\.example\.com(\/u\/[^>]+)>/m.exec(mail)?.[1];
  const page = await fetch(`${api.url}${path}`, { method: "POST", body: new URLSearchParams({ "List-Unsubscribe": "One-Click" }) });
  assert.equal(page.status, 200);

  const worker = await startGateway({ env, args: ["--role", "worker"] });
  atEnd(() => worker.stop());
  assert.deepEqual(await Promise.all([complained, left, fine].map(async (id) => (await api.messageSettled(id)).status)), [
    "suppressed",
    "suppressed",
    "sent",
  ]);
  assert.deepEqual(
    relay.accepted.map(({ raw }) => /^X-Test-Id: (.*)\r$/m.exec(raw.toString())?.[1]),
    ["fine"],
  );
});

test("in the sandbox links lead to it without a setting, and its own addresses are never suppressed by themselves", async (t) => {
  const atEnd = atEndOf(t);
  const gateway = await startGateway({ env: { POSTERN_SANDBOX: "true", REDIS_URL: redis.freshUrl() } });
  atEnd(() => gateway.stop());
  const bounced = await gateway.post<MessageView>("/v1/messages", testMessage("bounced", "hardbounce@sandbox.test"));
  const settled = await gateway.messageSettled(bounced.body.id);
  assert.deepEqual([settled.status, settled.recipients[0]?.hard_bounce], ["bounced", true]);
  assert.deepEqual((await gateway.get<{ data: unknown[] }>("/v1/suppressions")).body.data, []);

  const { body } = await gateway.post<MessageView>(
    "/v1/messages",
    testMessage("news", "ada@example.net", { unsubscribe: { list: "news" } }),
  );
  await gateway.messageSettled(body.id);
  const { body: raw } = await gateway.get<string>(`/v1/messages/${body.id}/content`);
  const link = /^List-Unsubscribe: <([^>]+)>/m.exec(raw)?.[1] ?? "";
  assert.ok(link.startsWith(`${gateway.url}/u/`), link);
  assert.match(await (await fetch(link)).text(), /<form method="post">/);
  assert.match(await (await fetch(link, { method: "POST" })).text(), /You are unsubscribed/);
  const again = await gateway.post<MessageView>("/v1/messages", testMessage("again", "ada@example.net", { unsubscribe: { list: "news" } }));
  assert.equal(again.body.status, "suppressed");
});
