import assert from "node:assert/strict";
import { test } from "node:test";
import { createEvents } from "../../src/store/events.ts";
import { sharedRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { startWebhookReceiver } from "../support/webhookReceiver.ts";
import { openWebhooks } from "./notifyForTests.ts";

const redis = await sharedRedis();

test("a 410 disables the webhook at once: its deliveries are parked, others hear of it, and enabling makes them due", async (t) => {
  const receiver = await startWebhookReceiver({ answer: () => ({ status: 410 }) });
  const other = await startWebhookReceiver();
  t.after(receiver.stop);
  t.after(other.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url, { events: ["message.sent"] });
  await own.webhook(other.url, { events: ["webhook.disabled"] });
  await own.start({ tuning: { schedule: [0, 50, 50, 50] } });
  await own.append();
  const [told] = await other.waitForRequests(1);
  const body = JSON.parse(told?.body.toString() ?? "");
  assert.deepEqual([body.type, body.data.webhook_id, body.data.message_id], ["webhook.disabled", webhook.id, null]);
  const disabled = await own.webhooks.get("default", webhook.id);
  assert.equal(disabled?.disabled?.reason, "gone");
  const log = await createEvents(own.connection).page("default", 0, 10);
  assert.deepEqual(
    log.events.map(({ type }) => type),
    ["message.sent", "webhook.disabled"],
  );

  // What happens meanwhile is not due to it.
  await own.append();
  const marker = await own.append({ type: "webhook.disabled", webhook_id: "wh_other" });
  await waitFor(() => other.requests.some(({ body }) => JSON.parse(body.toString()).data.sequence === marker.sequence), {
    what: "the marker",
  });
  assert.deepEqual(
    (await own.list(webhook)).map(({ status, attempts }) => [status, attempts]),
    [["pending", 1]],
  );
  assert.equal(receiver.requests.length, 1, "a parked delivery is not tried");

  receiver.answerWith(() => undefined);
  const enabled = await own.webhooks.enable("default", webhook.id);
  assert.deepEqual([enabled?.disabled, enabled?.failing_since], [undefined, undefined]);
  const requests = await receiver.waitForRequests(2);
  assert.equal(requests[1]?.headers["webhook-id"], requests[0]?.headers["webhook-id"]);
  await own.newest(webhook, "success", ({ status }) => status === "succeeded");
});

test("a webhook without a success for as long as it may fail is disabled; a success begins the count anew", async (t) => {
  const receiver = await startWebhookReceiver({ answer: ({ number }) => ({ status: number === 2 ? 200 : 500 }) });
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url);
  await own.start({ tuning: { schedule: [0], disableAfterMs: 300 } });
  const isHandled = async (count: number) =>
    waitFor(async () => (await own.list(webhook)).filter(({ status }) => status !== "pending").length === count, {
      what: `${count} tries`,
    });
  await own.append();
  await isHandled(1);
  const failingSince = (await own.webhooks.get("default", webhook.id))?.failing_since ?? 0;
  assert.ok(failingSince > 0);
  await own.append();
  await isHandled(2);
  assert.equal((await own.webhooks.get("default", webhook.id))?.failing_since, undefined);

  await waitFor(() => own.connection.clock.now() > failingSince + 350, { what: "the time since the first failure" });
  await own.append();
  await isHandled(3);
  const again = await own.webhooks.get("default", webhook.id);
  assert.equal(again?.disabled, undefined, "the success in between counts");
  await waitFor(() => own.connection.clock.now() > (again?.failing_since ?? 0) + 310, { what: "the time since the second failure" });
  await own.append();
  await isHandled(4);
  const { disabled, failing_since } = (await own.webhooks.get("default", webhook.id)) ?? {};
  assert.deepEqual([disabled?.reason, failing_since], ["failing", again?.failing_since]);
});
