import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { eventId } from "../../src/domain/events.ts";
import { createWebhookFanOut, eventBacklog } from "../../src/store/webhookFanOut.ts";
import { createWebhookQueue } from "../../src/store/webhookQueue.ts";
import { sharedRedis, startRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { startWebhookReceiver } from "../support/webhookReceiver.ts";
import { openWebhooks } from "./notifyForTests.ts";

const redis = await sharedRedis();

test("what a worker had claimed when it died is tried by another when the lease ends, with the same id", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url);
  const event = await own.append();
  const fanOut = createWebhookFanOut(own.connection, { consumer: "dead", retentionMs: own.retentionMs });
  await fanOut.prepare();
  await fanOut.handle(await fanOut.takeOver(0));
  await fanOut.read(10);
  assert.equal((await fanOut.handle(await fanOut.read(10))).made, 1);
  await fanOut.retire();
  const queue = createWebhookQueue(own.connection, { perWebhook: 10, leaseMs: 400, disableAfterMs: 1e9, retentionMs: own.retentionMs });
  assert.deepEqual(await queue.claimable(10), [webhook.id]);
  const claim = await queue.claim(webhook.id, 10, 10);
  assert.deepEqual(
    claim?.deliveries.map((delivery) => delivery.eventId),
    [eventId(event)],
  );
  assert.equal(await queue.claim(webhook.id, 10, 10), undefined, "a lease is exclusive");

  await own.start();
  const [request] = await receiver.waitForRequests(1);
  assert.equal(request?.headers["webhook-id"], eventId(event));
  assert.ok(own.connection.clock.now() >= (claim?.leaseEnd ?? Number.POSITIVE_INFINITY) - 5, "not before the lease ended");
  const delivery = await own.newest(webhook, "success", ({ status }) => status === "succeeded");
  // The dead one was only slow: what it records now changes nothing.
  const late = { webhookId: webhook.id, eventId: eventId(event), leaseEnd: claim?.leaseEnd ?? 0, try: { at: 1, duration_ms: 1 } };
  assert.equal((await queue.record({ ...late, outcome: "failed", retryInMs: 0 })).status, "stale");
  assert.equal((await queue.record({ ...late, outcome: "succeeded" })).status, "stale");
  assert.deepEqual(await own.list(webhook), [delivery]);
});

test("a success that is recorded after its lease still counts, and a record that is repeated counts once", async (t) => {
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook("http://127.0.0.1:9/");
  const event = await own.append();
  const fanOut = createWebhookFanOut(own.connection, { consumer: "one", retentionMs: own.retentionMs });
  await fanOut.prepare();
  await fanOut.read(10);
  await fanOut.handle(await fanOut.read(10));
  await fanOut.retire();
  const queue = createWebhookQueue(own.connection, { perWebhook: 10, leaseMs: 1, disableAfterMs: 1e9, retentionMs: own.retentionMs });
  const first = await queue.claim(webhook.id, 1, 1);
  assert.ok(first);
  const second = await waitFor(() => queue.claim(webhook.id, 1, 1), { what: "the lease to end" });
  const input = { webhookId: webhook.id, eventId: eventId(event), try: { at: 1, duration_ms: 1, status: 200 } };
  assert.equal((await queue.record({ ...input, leaseEnd: first.leaseEnd, outcome: "succeeded" })).status, "succeeded");
  assert.equal((await queue.record({ ...input, leaseEnd: first.leaseEnd, outcome: "succeeded" })).status, "stale");
  // The second try fails, but the endpoint has the event.
  assert.equal((await queue.record({ ...input, leaseEnd: second.leaseEnd, outcome: "failed", retryInMs: 0 })).status, "succeeded");
  const [delivery] = await own.list(webhook);
  assert.deepEqual([delivery?.status, delivery?.attempts], ["succeeded", 2]);
  assert.equal(await queue.claim(webhook.id, 1, 1), undefined);
});

test("an event that is handled twice makes one delivery", async (t) => {
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook("http://127.0.0.1:9/");
  await own.append();
  const fanOut = createWebhookFanOut(own.connection, { consumer: "one", retentionMs: own.retentionMs });
  await fanOut.prepare();
  await fanOut.read(10);
  const batch = await fanOut.read(10);
  assert.deepEqual([(await fanOut.handle(batch)).made, (await fanOut.handle(batch)).made], [1, 0]);
  await fanOut.retire();
  assert.equal((await own.list(webhook)).length, 1);
});

test("events that a dead reader had in hand are taken over, and a reader leaves no name behind", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  await own.webhook(receiver.url);
  await own.appendAll([{}, {}, {}]);
  const dead = createWebhookFanOut(own.connection, { consumer: "dead", retentionMs: own.retentionMs });
  await dead.prepare();
  await dead.read(10);
  assert.equal((await dead.read(10)).entries.length, 3);
  dead.interrupt();
  assert.equal(await eventBacklog(own.connection), 3);
  const workers = await own.start({ tuning: { takeOverMs: 200 }, consumer: "alive" });
  await receiver.waitForRequests(3);
  assert.equal(await eventBacklog(own.connection), 0);
  await workers.stop();
  const names = async () => (await own.connection.redis.xinfo("CONSUMERS", own.connection.keys.events, "notify")) as unknown[][];
  assert.deepEqual(
    (await names()).map((consumer) => consumer[1]),
    ["dead"],
  );
  // It has nothing left in hand: whoever looks after a while removes it.
  const other = createWebhookFanOut(own.connection, { consumer: "other", retentionMs: own.retentionMs });
  await other.retireOthers(0);
  await other.retire();
  assert.deepEqual(await names(), []);
});

test("a reader that ends makes due what had been given to it in a reply that it never saw", async (t) => {
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook("http://127.0.0.1:9/");
  const workers = await own.start({ consumer: "one" });
  const { redis: client, keys } = own.connection;
  const seen = await own.append();
  await waitFor(async () => (await own.list(webhook)).length === 1, { what: "the reader to read" });
  const lost = { ...seen, sequence: seen.sequence + 1 };
  // In one transaction, so that the reader does not get it first.
  await client
    .multi()
    .set(keys.sequence, lost.sequence)
    .xadd(keys.events, `${lost.sequence}-0`, "e", JSON.stringify(lost))
    .xreadgroup("GROUP", "notify", "one", "COUNT", 1, "STREAMS", keys.events, ">")
    .exec();
  assert.equal(await eventBacklog(own.connection), 1);
  await workers.stop();
  assert.equal(await eventBacklog(own.connection), 0);
  assert.equal((await own.list(webhook)).length, 2);
});

test("a reader with something in hand keeps its name when it ends, so that nothing is lost", async (t) => {
  const own = await openWebhooks(t, redis);
  await own.append();
  const one = createWebhookFanOut(own.connection, { consumer: "one", retentionMs: own.retentionMs });
  await one.prepare();
  await one.read(10);
  assert.equal((await one.read(10)).entries.length, 1);
  await one.retire();
  const again = createWebhookFanOut(own.connection, { consumer: "one", retentionMs: own.retentionMs });
  assert.equal((await again.read(10)).entries.length, 1, "the same name finds it at once");
  again.interrupt();
});

test("a reader that ends is given nothing more, though Redis may not have seen yet that its connection is closed", async (t) => {
  const own = await openWebhooks(t, redis);
  // On this way Redis never hears of the end of a connection.
  const targets: Socket[] = [];
  const way = createServer({ allowHalfOpen: true }, (client) => {
    const target = connect(redis.port, "127.0.0.1");
    targets.push(target);
    client.on("data", (chunk) => target.write(chunk)).on("error", () => undefined);
    target.on("data", (chunk) => client.write(chunk)).on("error", () => undefined);
  });
  await once(way.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    for (const target of targets) target.destroy();
    way.close();
  });
  const direct = own.connection.client("patient");
  const blocking = direct.duplicate({ port: (way.address() as AddressInfo).port });
  direct.disconnect();
  const ending = createWebhookFanOut({ ...own.connection, client: () => blocking }, { consumer: "ending", retentionMs: own.retentionMs });
  await ending.prepare();
  await ending.read(10);
  const waiting = assert.rejects(ending.read(30_000));
  const other = createWebhookFanOut(own.connection, { consumer: "other", retentionMs: own.retentionMs });
  const isWaiting = async () => /flags=b [^\n]*cmd=xreadgroup/.test(String(await own.connection.redis.client("LIST")));
  await waitFor(isWaiting, { what: "the reader to wait inside Redis" });
  ending.interrupt();
  await waiting;
  assert.deepEqual((await ending.inHand()).entries, []);
  await own.append();
  await other.read(10);
  assert.equal((await other.read(2_000)).entries.length, 1, "the event was given to a reader that had ended");
  other.interrupt();
  await ending.retire();
});

test("two workers read one log and every event is delivered once", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  await own.webhook(receiver.url);
  await own.start({ consumer: "one" });
  await own.start({ consumer: "two" });
  const events = [];
  for (let round = 0; round < 10; round++) events.push(...(await own.appendAll(Array.from({ length: 20 }, () => ({})))));
  const requests = await receiver.waitForRequests(200);
  await waitFor(async () => (await eventBacklog(own.connection)) === 0, { what: "the log to be read" });
  assert.deepEqual(requests.map(({ headers }) => headers["webhook-id"]).sort(), events.map(eventId).sort());
});

test("while Redis is away nothing is lost: deliveries go on when it is back", async (t) => {
  const single = await startRedis();
  t.after(single.stop);
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  const own = await openWebhooks(t, single);
  const { webhook } = await own.webhook(receiver.url);
  await own.start();
  await own.append();
  await receiver.waitForRequests(1);
  await own.newest(webhook, "success", ({ status }) => status === "succeeded");
  await single.kill("SIGKILL");
  await single.restart();
  const event = await waitFor(() => own.append(), { what: "Redis" });
  const requests = await receiver.waitForRequests(2);
  assert.equal(requests[1]?.headers["webhook-id"], eventId(event));
});

test("stop lets a request under way end, gives back what does not, and is bounded", async (t) => {
  const receiver = await startWebhookReceiver({ answer: ({ number }) => (number === 1 ? { delayMs: 150 } : { hang: true }) });
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url);
  const workers = await own.start({ tuning: { graceMs: 500 } });
  await own.append();
  await receiver.waitForRequests(1);
  await own.append();
  await receiver.waitForRequests(2);
  const began = performance.now();
  await Promise.all([workers.stop(), workers.stop()]);
  assert.ok(performance.now() - began < 2_000);
  const [second, first] = await own.list(webhook);
  assert.deepEqual([first?.status, second?.status, second?.attempts], ["succeeded", "pending", 0]);
  receiver.answerWith(() => undefined);
  await own.start();
  const requests = await receiver.waitForRequests(3, 2_000);
  assert.equal(requests[2]?.headers["webhook-id"], second?.event_id);
});
