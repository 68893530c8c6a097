// What may still be changed about an accepted message, and from when on it is too late.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { type AtEnd, atEndOf } from "../support/atEnd.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { headerOf } from "../support/mailHeader.ts";
import { eventsOf, sendEach, testMessage } from "../support/mailing.ts";
import { sharedRedis } from "../support/redis.ts";
import { type Script, startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();

/** How late a mail may be sent after its time. */
const lateMsMax = 1_500;

async function startBefore(atEnd: AtEnd, script: Script = {}) {
  const relay = await startScriptedRelay(script);
  atEnd(relay.stop);
  const gateway = await startGateway({ env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url }, config: "retry: { schedule: [30s] }" });
  atEnd(() => gateway.stop());
  const mailOf = (testId: string) => relay.accepted.find(({ raw }) => headerOf(raw, "x-test-id") === testId);
  return { relay, gateway, mailOf };
}

const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

async function sendAt(gateway: Gateway, testId: string, at: string): Promise<MessageView> {
  const [message] = await sendEach(gateway, [testMessage(testId, `${testId}@example.net`, { send_at: at })]);
  return message as MessageView;
}

function assertOnTime(mail: { at: number } | undefined, at: string): void {
  const lateMs = (mail?.at ?? Number.NaN) - Date.parse(at);
  assert.ok(lateMs >= 0 && lateMs <= lateMsMax, `sent ${lateMs} ms after its time`);
}

const typesOf = async (gateway: Gateway, id: string) => (await eventsOf(gateway, id)).map(({ type }) => type);

test("a scheduled message is sent at its time, and at a new one, earlier or later, when it is given one", async (t) => {
  const atEnd = atEndOf(t);
  const { gateway, mailOf } = await startBefore(atEnd);
  const [plainAt, latestAt, soonAt] = [inMs(1_500), inMs(3_500), inMs(2_500)];
  const plain = await sendAt(gateway, "plain", plainAt);
  const later = await sendAt(gateway, "later", inMs(1_500));
  const earlier = await sendAt(gateway, "earlier", inMs(3_600_000));
  const now = await sendAt(gateway, "now", inMs(3_600_000));
  assert.deepEqual([plain.status, plain.send_at, plain.recipients[0]?.status], ["scheduled", plainAt, "scheduled"]);

  const move = (id: string, send_at: string) => gateway.request<MessageView>("PATCH", `/v1/messages/${id}`, { body: { send_at } });
  const moved = await move(later.id, latestAt);
  assert.deepEqual([moved.status, moved.body.status, moved.body.send_at], [200, "scheduled", latestAt]);
  const life = Date.parse(later.expires_at) - Date.parse(later.send_at ?? "");
  assert.equal(Date.parse(moved.body.expires_at) - Date.parse(latestAt), life, "its deadline moves with it");
  assert.equal((await move(earlier.id, soonAt)).status, 200);
  const movedAt = Date.now();
  assert.equal((await move(now.id, inMs(0))).status, 200);

  for (const { id } of [plain, later, earlier, now]) assert.equal((await gateway.messageSettled(id)).status, "sent");
  assertOnTime(mailOf("plain"), plainAt);
  assertOnTime(mailOf("later"), latestAt);
  assertOnTime(mailOf("earlier"), soonAt);
  assertOnTime(mailOf("now"), new Date(movedAt - 5).toISOString());
  assert.deepEqual(await typesOf(gateway, plain.id), ["message.accepted", "message.scheduled", "message.sent"]);
  assert.deepEqual(await typesOf(gateway, later.id), ["message.accepted", "message.scheduled", "message.rescheduled", "message.sent"]);
});

test("a cancelled message is never sent; what is sent or cancelled can be neither moved nor cancelled", async (t) => {
  const atEnd = atEndOf(t);
  const { gateway, relay } = await startBefore(atEnd);
  const scheduled = await sendAt(gateway, "cancelled", inMs(1_000));
  const cancelled = await gateway.post<MessageView>(`/v1/messages/${scheduled.id}/cancel`);
  assert.deepEqual([cancelled.status, cancelled.body.status], [200, "cancelled"]);
  const [sent] = await sendEach(gateway, [testMessage("sent", "sent@example.net")]);
  await gateway.messageSettled(sent?.id ?? "");
  for (const id of [scheduled.id, sent?.id]) {
    for (const [method, path, body] of [["POST", "/cancel", undefined] as const, ["PATCH", "", { send_at: inMs(60_000) }] as const]) {
      const { status, body: problem } = await gateway.request<{ code: string }>(method, `/v1/messages/${id}${path}`, { body });
      assert.deepEqual([status, problem.code], [409, "too_late"], `${method} ${path}`);
    }
  }
  // One that was scheduled after it marks that its time is over.
  const marker = await sendAt(gateway, "marker", inMs(1_200));
  await gateway.messageSettled(marker.id);
  assert.deepEqual(
    relay.accepted.map(({ to }) => to),
    [["sent@example.net"], ["marker@example.net"]],
  );
  assert.deepEqual(await typesOf(gateway, scheduled.id), ["message.accepted", "message.scheduled", "message.cancelled"]);
});

test("a message that is put off can be cancelled, and its recipients that were taken stay sent", async (t) => {
  const atEnd = atEndOf(t);
  const { gateway } = await startBefore(atEnd, { onRcpt: ({ address }) => (address.startsWith("busy") ? "450 4.2.1 Busy" : undefined) });
  const [accepted] = await sendEach(gateway, [testMessage("half", ["fine@example.net", "busy@example.net"])]);
  const path = `/v1/messages/${accepted?.id}`;
  const isPutOff = async () => (await gateway.get<MessageView>(path)).body.recipients[1]?.status === "deferred";
  await waitFor(isPutOff, { what: "the second recipient to be put off" });
  const moved = await gateway.request<{ code: string }>("PATCH", path, { body: { send_at: inMs(60_000) } });
  assert.deepEqual([moved.status, moved.body.code], [409, "too_late"]);
  const { status, body } = await gateway.post<MessageView>(`${path}/cancel`);
  assert.equal(status, 200);
  assert.deepEqual(
    body.recipients.map((recipient) => recipient.status),
    ["sent", "cancelled"],
  );
});

test("a retry sends to the recipients that bounced, and to nobody who has the mail; with nothing to retry it is too late", async (t) => {
  const atEnd = atEndOf(t);
  let refuses = true;
  const { gateway, relay } = await startBefore(atEnd, {
    onRcpt: ({ address }) => (refuses && address.startsWith("late") ? "550 5.1.1 User unknown" : undefined),
  });
  const [accepted] = await sendEach(gateway, [testMessage("retry", ["fine@example.net", "late@example.net"])]);
  const id = accepted?.id ?? "";
  assert.equal((await gateway.messageSettled(id)).status, "partial");
  refuses = false;
  const retried = await gateway.post<MessageView>(`/v1/messages/${id}/retry`);
  assert.deepEqual([retried.status, retried.body.recipients[1]?.status], [200, "queued"]);
  assert.ok(Date.parse(retried.body.expires_at) > Date.parse(accepted?.expires_at ?? ""), "it gets a new deadline");
  assert.equal((await gateway.messageSettled(id)).status, "sent");
  assert.deepEqual(
    relay.accepted.map(({ to }) => to),
    [["fine@example.net"], ["late@example.net"]],
  );
  const types = ["message.accepted", "message.sent", "message.bounced", "message.retried", "message.sent"];
  assert.deepEqual(await typesOf(gateway, id), types);
  const again = await gateway.post<{ code: string }>(`/v1/messages/${id}/retry`);
  assert.deepEqual([again.status, again.body.code], [409, "too_late"]);
});
