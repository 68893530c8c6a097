import assert from "node:assert/strict";
import { test } from "node:test";
import { eventId } from "../../src/domain/events.ts";
import { sharedRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { startWebhookReceiver, verifyRequest } from "../support/webhookReceiver.ts";
import { openWebhooks } from "./notifyForTests.ts";

const redis = await sharedRedis();

test("a delivery that succeeded and one that failed can be replayed: a new request with the same id, and a schedule of its own", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url);
  await own.start({ tuning: { schedule: [0, 10] } });
  await own.append();
  const delivery = await own.newest(webhook, "success", ({ status }) => status === "succeeded");
  receiver.answerWith(() => ({ status: 500 }));
  const replayed = await own.deliveries.replay("default", webhook.id, delivery.id);
  assert.ok(replayed.kind === "due");
  assert.deepEqual([replayed.delivery.status, replayed.delivery.id], ["pending", delivery.id]);
  const failed = await own.newest(webhook, "failure", ({ status }) => status === "failed");
  assert.equal(failed.attempts, 3);
  receiver.answerWith(() => undefined);
  await own.deliveries.replay("default", webhook.id, delivery.id);
  const mended = await own.newest(webhook, "success", ({ status }) => status === "succeeded");
  assert.deepEqual(
    mended.tries.map(({ status }) => status),
    [204, 500, 500, 204],
  );
  assert.equal(new Set(receiver.requests.map(({ headers }) => headers["webhook-id"])).size, 1);
});

test("a delivery that waits for its next try is replayed at once", async (t) => {
  const receiver = await startWebhookReceiver({ answer: ({ number }) => ({ status: number === 1 ? 500 : 200 }) });
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url);
  await own.start({ tuning: { schedule: [0, 3_600_000] } });
  await own.append();
  const waiting = await own.newest(webhook, "the first try", ({ attempts }) => attempts === 1);
  assert.equal(waiting.status, "pending");
  await own.deliveries.replay("default", webhook.id, waiting.id);
  const { attempts } = await own.newest(webhook, "success", ({ status }) => status === "succeeded");
  assert.equal(attempts, 2);
});

test("a replay since a time sends the tenant's subscribed events since then again, and only those", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const old = Date.now() - 3_600_000;
  // From before the webhook was made: 900 in all, more than one slice, interleaved with what is not its business.
  const events = await own.appendAll(
    Array.from({ length: 900 }, (_, index) => ({
      type: index % 3 === 0 ? ("message.bounced" as const) : ("message.sent" as const),
      tenant: index % 2 === 0 ? "default" : "other",
      at: old + index * 1_000,
    })),
  );
  const { webhook } = await own.webhook(receiver.url, { events: ["message.bounced"] });
  await own.start({ tuning: { perWebhook: 50 } });
  const since = old + 200_000;
  const wanted = events.filter((event) => event.type === "message.bounced" && event.tenant === "default" && event.at >= since);
  assert.ok(wanted.length > 100);
  const started = await own.replays.start("default", webhook.id, since);
  assert.ok(started.kind === "replaying");
  await waitFor(async () => (await own.replays.running()).length === 0, { what: "the replay" });
  const requests = await receiver.waitForRequests(wanted.length);
  assert.deepEqual(requests.map(({ headers }) => headers["webhook-id"]).sort(), wanted.map(eventId).sort());
  await waitFor(async () => (await own.list(webhook)).every(({ status }) => status === "succeeded"), { what: "all successes" });

  // Those that had succeeded are sent once more by the next one.
  await own.replays.start("default", webhook.id, since);
  await receiver.waitForRequests(2 * wanted.length);
  await waitFor(async () => (await own.replays.running()).length === 0, { what: "the second replay" });
  assert.equal((await own.list(webhook)).length, wanted.length);
});

test("a slice that two workers carry out counts once, and a replay pauses while too much is overdue", async (t) => {
  const own = await openWebhooks(t, redis);
  await own.appendAll(Array.from({ length: 1_500 }, () => ({})));
  const { webhook } = await own.webhook("http://127.0.0.1:9/");
  await own.replays.start("default", webhook.id, 0);
  const results = await Promise.all([own.replays.advance(webhook.id), own.replays.advance(webhook.id)]);
  assert.deepEqual(results.map(({ madeDue }) => madeDue).sort(), [0, 200]);
  for (let slice = 0; slice < 10; slice++) await own.replays.advance(webhook.id);
  assert.deepEqual(await own.replays.advance(webhook.id), { kind: "later", madeDue: 0 });
  const due = await own.connection.redis.zcard(own.connection.keys.webhookDue(webhook.id));
  assert.equal(due, 1_000);
  const running = await own.replays.start("default", webhook.id, 5);
  assert.ok(running.kind === "replaying");
  assert.equal(running.replay.position, 1_000, "the one that runs covers it");
});

test("a test sends one signed made-up event of a subscribed type, marked as such, once", async (t) => {
  const receiver = await startWebhookReceiver({ answer: () => ({ status: 500 }) });
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook, secret } = await own.webhook(receiver.url, { events: ["message.bounced", "message.sent"] });
  await own.start();
  const result = await own.deliveries.test("default", webhook.id);
  assert.ok(result.kind === "due");
  const [request] = await receiver.waitForRequests(1);
  assert.ok(request);
  const { type, data } = verifyRequest(request, secret) as { type: string; data: Record<string, unknown> };
  assert.deepEqual(
    [type, data.test, data.id, data.status, data.category, data.recipient],
    ["message.bounced", true, result.delivery.event_id, "bounced", "invalid_recipient", "recipient@example.com"],
  );
  const delivery = await own.newest(webhook, "failure", ({ status }) => status === "failed");
  assert.deepEqual([delivery.attempts, delivery.test, delivery.id, receiver.requests.length], [1, true, result.delivery.id, 1]);
  assert.equal(await own.connection.redis.xlen(own.connection.keys.events), 0, "it is in no log");
  assert.equal((await own.deliveries.get("default", webhook.id, delivery.id))?.id, delivery.id);
});

test("a delivery whose event is no longer in the log fails for good, and the webhook is not blamed", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url);
  await own.start();
  await own.append();
  const { id } = await own.newest(webhook, "success", ({ status }) => status === "succeeded");
  await own.connection.redis.xtrim(own.connection.keys.events, "MAXLEN", 0);
  await own.deliveries.replay("default", webhook.id, id);
  const { tries } = await own.newest(webhook, "failure", ({ status }) => status === "failed");
  assert.equal(tries.at(-1)?.error, "The event is no longer kept.");
  assert.equal((await own.webhooks.get("default", webhook.id))?.failing_since, undefined);
});
