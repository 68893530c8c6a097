import assert from "node:assert/strict";
import { test } from "node:test";
import { eventId } from "../../src/domain/events.ts";
import { createWebhookFanOut } from "../../src/store/webhookFanOut.ts";
import { createWebhookQueue } from "../../src/store/webhookQueue.ts";
import type { StoredWebhook } from "../../src/store/webhooks.ts";
import { openWebhooks } from "../notify/notifyForTests.ts";
import { sharedRedis } from "../support/redis.ts";

const redis = await sharedRedis();
const url = "http://127.0.0.1:9/";
type Own = Awaited<ReturnType<typeof openWebhooks>>;

/** Makes deliveries of everything that was appended, as a worker would. */
async function fanOutAll(own: Own): Promise<void> {
  const fanOut = createWebhookFanOut(own.connection, { consumer: "test", retentionMs: own.retentionMs });
  await fanOut.prepare();
  await fanOut.read(1);
  for (let batch = await fanOut.read(1); batch.entries.length > 0; batch = await fanOut.read(1)) await fanOut.handle(batch);
  await fanOut.retire();
}

test("a webhook's secret is told when it is made and rotated, and by nothing else", async (t) => {
  const own = await openWebhooks(t, redis);
  const { webhook, secret } = await own.webhook(url, { events: ["message.sent"] });
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{32}$/);
  const shown = [
    webhook,
    await own.webhooks.get("default", webhook.id),
    await own.webhooks.update("default", webhook.id, { description: "mine" }),
    await own.webhooks.enable("default", webhook.id),
    (await own.webhooks.rotateSecret("default", webhook.id))?.webhook,
    ...(await own.webhooks.list("default", 10)).webhooks,
  ];
  assert.equal(shown.length, 6);
  for (const each of shown) {
    assert.deepEqual([each?.id, each?.url, each?.events, each?.tenant], [webhook.id, url, ["message.sent"], "default"]);
    assert.equal(/whsec_|secret|previous|from_sequence/.test(JSON.stringify(each)), false);
  }
});

test("old secrets are kept until their overlap ends, however often is rotated, but not without bound", async (t) => {
  const own = await openWebhooks(t, redis);
  const { webhook, secret } = await own.webhook(url);
  const secrets = [secret];
  for (let turn = 0; turn < 5; turn++) secrets.unshift((await own.webhooks.rotateSecret("default", webhook.id))?.secret ?? "");
  const stored = JSON.parse((await own.connection.redis.get(own.connection.keys.webhook(webhook.id))) ?? "") as StoredWebhook;
  assert.deepEqual([stored.secret, ...(stored.previous ?? []).map((each) => each.secret)], secrets.slice(0, 5));
  assert.equal(new Set(secrets).size, 6);
});

test("a tenant has at most as many webhooks as it may, and a deleted one makes room", async (t) => {
  const own = await openWebhooks(t, redis, { perTenant: 3 });
  const made = [await own.webhook(url), await own.webhook(url), await own.webhook(url)];
  const create = () => own.webhooks.create("default", { url, events: ["*"], description: "" });
  assert.deepEqual(await create(), { kind: "too_many" });
  await own.webhook(url, { tenant: "other" });
  assert.equal(await own.webhooks.remove("default", made[1]?.webhook.id ?? ""), true);
  assert.equal((await create()).kind, "created");
});

test("nothing of a webhook can be reached by another tenant, and ids that are none find nothing", async (t) => {
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(url);
  await own.append();
  await fanOutAll(own);
  const [delivery] = await own.list(webhook);
  assert.ok(delivery);
  for (const [tenant, id] of [
    ["other", webhook.id],
    ["default", "wh_00000000000000000000000000"],
    ["default", `${webhook.id}:due`],
    ["default", ""],
    ["default", "*"],
  ] as const) {
    assert.deepEqual(
      [
        await own.webhooks.get(tenant, id),
        await own.webhooks.update(tenant, id, { url: "http://127.0.0.1:1/" }),
        await own.webhooks.rotateSecret(tenant, id),
        await own.webhooks.enable(tenant, id),
        await own.webhooks.remove(tenant, id),
        await own.deliveries.list(tenant, id, {}, 10),
        await own.deliveries.get(tenant, id, delivery.id),
        await own.deliveries.replay(tenant, id, delivery.id),
        await own.deliveries.test(tenant, id),
        await own.replays.start(tenant, id, 0),
      ],
      [undefined, undefined, undefined, undefined, false, undefined, undefined, { kind: "gone" }, { kind: "gone" }, { kind: "gone" }],
      `${tenant} ${id}`,
    );
  }
  assert.deepEqual((await own.webhooks.list("other", 10)).webhooks, []);
  assert.equal((await own.webhooks.get("default", webhook.id))?.url, url);
  const second = await own.webhook(url);
  assert.equal(await own.deliveries.get("default", second.webhook.id, delivery.id), undefined, "nor by another webhook's id");
});

test("webhooks are listed newest first, page by page", async (t) => {
  const own = await openWebhooks(t, redis);
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) ids.unshift((await own.webhook(url)).webhook.id);
  const pages: string[][] = [];
  let cursor: string | undefined;
  do {
    const page = await own.webhooks.list("default", 2, cursor);
    pages.push(page.webhooks.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  assert.deepEqual(pages, [ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
});

test("an event is due to the webhooks that existed when it happened and subscribe to its type, and to no other tenant's", async (t) => {
  const own = await openWebhooks(t, redis);
  const all = await own.webhook(url);
  const bounces = await own.webhook(url, { events: ["message.bounced"] });
  const foreign = await own.webhook(url, { tenant: "other" });
  const [sent, bounced] = await own.appendAll([{ type: "message.sent" }, { type: "message.bounced" }]);
  assert.ok(sent && bounced);
  const late = await own.webhook(url);
  await fanOutAll(own);
  const ids = async ({ webhook }: typeof all) => (await own.list(webhook)).map((delivery) => delivery.event_id);
  assert.deepEqual(await ids(all), [eventId(bounced), eventId(sent)]);
  assert.deepEqual(await ids(bounces), [eventId(bounced)]);
  assert.deepEqual([await ids(foreign), await ids(late)], [[], []]);

  // A change counts for what is read from then on.
  await own.webhooks.update("default", bounces.webhook.id, { events: ["message.sent"] });
  const next = await own.append({ type: "message.sent" });
  await fanOutAll(own);
  assert.deepEqual(await ids(bounces), [eventId(next), eventId(bounced)]);
  assert.equal((await ids(late)).length, 1);
});

test("deliveries are listed newest first, page by page, filtered by status; cursors that are none give the first page", async (t) => {
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(url);
  const events = await own.appendAll(Array.from({ length: 500 }, () => ({})));
  await fanOutAll(own);
  const newestFirst = events.map(eventId).reverse();
  const page = (status: "pending" | "failed" | undefined, limit: number, cursor?: string) =>
    own.deliveries.list("default", webhook.id, status ? { status } : {}, limit, cursor);
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const answer = await page(undefined, 99, cursor);
    seen.push(...(answer?.deliveries ?? []).map((delivery) => delivery.event_id));
    cursor = answer?.nextCursor;
  } while (cursor);
  assert.deepEqual(seen, newestFirst);
  for (const nonsense of ["", "x", "dlv_x", "evt_1"])
    assert.equal((await page(undefined, 1, nonsense))?.deliveries[0]?.event_id, newestFirst[0]);

  const rare = newestFirst[430] ?? "";
  const key = own.connection.keys.delivery(webhook.id, rare);
  const row = JSON.parse((await own.connection.redis.get(key)) ?? "");
  await own.connection.redis.set(key, JSON.stringify({ ...row, status: "failed" }));
  const failed = await page("failed", 10);
  assert.deepEqual([failed?.deliveries.map((delivery) => delivery.event_id), failed?.nextCursor], [[rare], undefined]);
  assert.equal((await page("pending", 100))?.deliveries.length, 100);
});

test("a deleted webhook leaves nothing behind", async (t) => {
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(url);
  await own.appendAll(Array.from({ length: 1_200 }, () => ({})));
  await fanOutAll(own);
  await own.deliveries.test("default", webhook.id);
  await own.replays.start("default", webhook.id, 0);
  assert.equal(await own.webhooks.remove("default", webhook.id), true);
  assert.equal(await own.webhooks.remove("default", webhook.id), false);
  const { keys } = own.connection;
  const left = (await own.connection.redis.keys("*")).sort();
  assert.deepEqual(left, [keys.events, keys.sequence, keys.webhooksVersion].sort());
  await own.append();
  await fanOutAll(own);
  assert.equal((await own.connection.redis.keys("*")).length, 3);
});

test("everything about a delivery runs out by itself after the retention, at whatever stage it is", async (t) => {
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(url);
  const event = await own.append();
  await fanOutAll(own);
  const { keys } = own.connection;
  const runsOut = async (...names: string[]) => {
    for (const key of names) {
      const left = await own.connection.redis.pttl(key);
      assert.ok(left > own.retentionMs - 5_000 && left <= own.retentionMs, `${key}: ${left}`);
    }
  };
  await runsOut(keys.delivery(webhook.id, eventId(event)), keys.webhookDue(webhook.id), keys.webhookDeliveries(webhook.id));
  const settings = { perWebhook: 10, leaseMs: 30_000, disableAfterMs: 1e9, retentionMs: own.retentionMs };
  const queue = createWebhookQueue(own.connection, settings);
  const claim = await queue.claim(webhook.id, 1, 1);
  assert.ok(claim);
  await runsOut(keys.webhookLeases(webhook.id));
  const result = { webhookId: webhook.id, eventId: eventId(event), leaseEnd: claim.leaseEnd, try: { at: 1, duration_ms: 1 } };
  assert.equal((await queue.record({ ...result, outcome: "failed", retryInMs: 5_000 })).status, "waiting");
  await runsOut(keys.delivery(webhook.id, eventId(event)), keys.webhookDue(webhook.id));
});

test("a try that ends after its webhook was deleted leaves nothing behind either", async (t) => {
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(url);
  const event = await own.append();
  await fanOutAll(own);
  const queue = createWebhookQueue(own.connection, { perWebhook: 10, leaseMs: 30_000, disableAfterMs: 1e9, retentionMs: own.retentionMs });
  const claim = await queue.claim(webhook.id, 1, 1);
  assert.ok(claim);
  await own.webhooks.remove("default", webhook.id);
  const result = { webhookId: webhook.id, eventId: eventId(event), leaseEnd: claim.leaseEnd, try: { at: 1, duration_ms: 1 } };
  assert.equal((await queue.record({ ...result, outcome: "failed", retryInMs: 0 })).status, "gone");
  assert.equal((await own.connection.redis.keys(`*${webhook.id}*`)).length, 0);
});

test("a disabled webhook is neither tested nor replayed: it has to be enabled first", async (t) => {
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(url);
  await own.append();
  await fanOutAll(own);
  const [delivery] = await own.list(webhook);
  const { redis: client, keys } = own.connection;
  const stored = JSON.parse((await client.get(keys.webhook(webhook.id))) ?? "");
  await client.set(keys.webhook(webhook.id), JSON.stringify({ ...stored, disabled: { at: 1, reason: "gone" } }));
  await client.srem(keys.webhooks, webhook.id);
  assert.deepEqual(
    [
      await own.deliveries.test("default", webhook.id),
      await own.deliveries.replay("default", webhook.id, delivery?.id ?? ""),
      await own.replays.start("default", webhook.id, 0),
    ],
    [{ kind: "disabled" }, { kind: "disabled" }, { kind: "disabled" }],
  );
  await own.webhooks.enable("default", webhook.id);
  assert.equal((await own.deliveries.test("default", webhook.id)).kind, "due");
});
