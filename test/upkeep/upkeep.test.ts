import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { wakeUpId } from "../../src/domain/wakeUp.ts";
import { createProducer, type Producer } from "../../src/queue/producer.ts";
import { createApiKeys } from "../../src/store/apiKeys.ts";
import { createUpkeepLease } from "../../src/store/lease.ts";
import { createStats } from "../../src/store/stats.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { settleOverdue } from "../../src/upkeep/deadlines.ts";
import type { UpkeepDependencies } from "../../src/upkeep/dependencies.ts";
import { reconcileQueues } from "../../src/upkeep/reconcile.ts";
import { rerouteOrphans } from "../../src/upkeep/reroute.ts";
import { sweepRetention } from "../../src/upkeep/retention.ts";
import { rewakeUnconfirmed } from "../../src/upkeep/rewake.ts";
import { startUpkeep } from "../../src/upkeep/upkeep.ts";
import { acceptOne, beat, type OpenLedger, openLedger } from "../store/ledgerForTests.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";

const log = createLogger({ level: "silent", format: "json" });
const noPause = async () => undefined;
let redis: TestRedis;
const closing: (() => Promise<unknown>)[] = [];

before(async () => {
  redis = await startRedis();
});
after(async () => {
  for (const close of closing.reverse()) await close();
  await redis.stop();
});

async function open(settings?: Parameters<typeof openLedger>[1]): Promise<OpenLedger & { upkeep: UpkeepDependencies; producer: Producer }> {
  const store = await openLedger(redis, settings);
  const client = store.connection.client("hasty");
  await waitFor(() => client.status === "ready", { what: "the queue's client" });
  const producer = createProducer({ connection: client, prefix: "{postern:0}:queue", now: store.connection.clock.now, log });
  closing.push(() => store.connection.close());
  closing.push(async () => client.disconnect());
  closing.push(() => producer.close());
  const upkeep = {
    ...store,
    producer,
    apiKeys: createApiKeys(store.connection),
    stats: createStats(store.connection),
    relays: ["default"],
    routes: [{ relays: ["default"] }],
    messageRetentionMs: 60_000,
    lostAfterMs: -1_000,
  };
  return { ...store, producer, upkeep };
}

test("a wake-up that never reached the queue is added again, once", async () => {
  const { upkeep, ...store } = await open();
  const { wake } = await acceptOne(store);
  assert.equal(await rewakeUnconfirmed(upkeep, noPause), 1);
  assert.ok(await store.producer.has("default", wake));
  assert.deepEqual(await store.openWork.unconfirmed(-1_000, 10), []);
  assert.equal(await rewakeUnconfirmed(upkeep, noPause), 0);
});

test("a lost wake-up of a generation that has passed is forgotten, not added", async () => {
  const { upkeep, ...store } = await open();
  const { id, wake } = await acceptOne(store);
  await store.ledger.cancel(id);
  assert.equal(await rewakeUnconfirmed(upkeep, noPause), 0);
  assert.equal(await store.producer.has("default", wake), false);
  assert.deepEqual(await store.openWork.unconfirmed(-1_000, 10), []);
});

test("a lost wake-up of a scheduled message waits in the queue for its time", async () => {
  const { upkeep, ...store } = await open();
  await acceptOne(store, { sendInMs: 60_000 });
  await rewakeUnconfirmed(upkeep, noPause);
  assert.deepEqual(await store.openWork.depth("default"), { waiting: 0, delayed: 1, active: 0 });
});

test("past their deadline messages are settled, however many they are", async () => {
  const { upkeep, ...store } = await open();
  const ids = await Promise.all(Array.from({ length: 250 }, () => acceptOne(store, { expiresInMs: 1 })));
  await waitFor(async () => (await store.openWork.overdue(300)).length === 250, { what: "the deadline" });
  assert.equal(await settleOverdue(upkeep, noPause), 250);
  const last = await store.messages.find(ids.at(-1)?.id ?? "");
  assert.equal(last?.state.recipients[0]?.status, "failed");
  assert.deepEqual(await store.openWork.overdue(10), []);
});

test("dispatches of a relay that is no longer configured go to the one that the routes name now", async () => {
  const { upkeep, ...store } = await open();
  const { id, wake } = await acceptOne(store);
  const changed = { ...upkeep, relays: ["new"], routes: [{ relays: ["new"] }] };
  assert.equal(await rerouteOrphans(changed, noPause), 1);
  const message = await store.messages.find(id);
  assert.equal(message?.state.dispatches[0]?.relay, "new");
  const moved = { ...wake, generation: 2 };
  assert.ok(await store.producer.has("new", moved), wakeUpId(moved));
  assert.deepEqual(await store.openWork.knownRelays(), ["new"]);
});

test("an orphan goes by what its record says of it, to a relay that takes its size, and to one that is available if there is one", async () => {
  const { upkeep, ...store } = await open();
  const tagged = await acceptOne(store, { record: { tags: ["news"], key_name: "shop", lane: "broadcast" } });
  const plain = await acceptOne(store);
  const large = await acceptOne(store, { bytes: Buffer.alloc(2_000, "x") });
  const changed = {
    ...upkeep,
    relays: ["bulk", "down", "small", "any"],
    routes: [{ tag: "news", lane: "broadcast" as const, key: "shop", relays: ["bulk"] }, { relays: ["down", "small", "any"] }],
    limitsOf: (relay: string) => (relay === "small" ? { rates: [], burst: 1, domains: {}, messageBytesMax: 1_000 } : undefined),
    available: (relay: string) => relay !== "down",
  };
  assert.equal(await rerouteOrphans(changed, noPause), 3);
  const relayOf = async ({ id }: { id: string }) => (await store.messages.find(id))?.state.dispatches[0]?.relay;
  assert.deepEqual(await Promise.all([tagged, plain, large].map(relayOf)), ["bulk", "small", "any"]);
});

test("a message that names a relay which is gone is given to no other, and waits for it", async () => {
  const { upkeep, ...store } = await open();
  const { id } = await acceptOne(store, { record: { relay: "default" } });
  const changed = { ...upkeep, relays: ["new"], routes: [{ relays: ["new"] }] };
  assert.equal(await rerouteOrphans(changed, noPause), 0);
  assert.equal((await store.messages.find(id))?.state.dispatches[0]?.relay, "default");
  assert.ok((await store.openWork.knownRelays()).includes("default"), "it is looked for again");
});

test("an orphan that is being sent at the moment is looked for again", async () => {
  const { upkeep, ...store } = await open();
  await beat(store, "own_a");
  const { wake } = await acceptOne(store);
  await store.ledger.claim(wake, "own_a", "w");
  const changed = { ...upkeep, relays: ["new"], routes: [{ relays: ["new"] }] };
  assert.equal(await rerouteOrphans(changed, noPause), 0);
  assert.deepEqual(await store.openWork.knownRelays(), ["default"]);
});

test("a dispatch whose job the queue has forgotten gets one", async () => {
  const { upkeep, ...store } = await open();
  const { wake } = await acceptOne(store);
  await store.openWork.confirm([wake]);
  assert.equal(await reconcileQueues(upkeep, noPause), 1);
  assert.ok(await store.producer.has("default", wake));
  assert.equal(await reconcileQueues(upkeep, noPause), 0);
});

test("what is older than its retention leaves the log and the lists", async () => {
  const { upkeep, ...store } = await open({ retention: { messageMs: 50, failedContentMs: 50 } });
  const { id } = await acceptOne(store);
  await store.ledger.cancel(id);
  await waitFor(async () => (await store.messages.find(id)) === undefined, { what: "the message to go" });
  assert.ok((await sweepRetention({ ...upkeep, messageRetentionMs: 0 }, noPause)) >= 3);
  assert.equal((await store.events.page("default", 0, 10)).events.length, 0);
  assert.equal((await store.messages.list("default", {}, 10)).messages.length, 0);
});

test("a message that outlives its retention keeps nothing behind it in the list", async () => {
  const { upkeep, ...store } = await open({ retention: { messageMs: 1, failedContentMs: 1 } });
  const { id: kept } = await acceptOne(store, { sendInMs: 60_000 });
  const ended = await Promise.all(Array.from({ length: 1_100 }, () => acceptOne(store)));
  await Promise.all(ended.map(({ id }) => store.ledger.cancel(id)));
  await waitFor(async () => (await store.messages.records(ended.map(({ id }) => id))).size === 0, { what: "the messages to go" });
  await sweepRetention({ ...upkeep, messageRetentionMs: 0 }, noPause);
  const { redis: client, keys } = store.connection;
  assert.deepEqual(await client.zrange(keys.tenantMessages("default"), "0", "-1"), [kept]);
});

test("of two processes one does upkeep, and the other takes over when it ends", async () => {
  const { upkeep, ...store } = await open();
  const repairs: string[] = [];
  const run = (holder: string) =>
    startUpkeep({
      ...upkeep,
      lease: createUpkeepLease(store.connection, holder, 10_000),
      log,
      observe: (task) => repairs.push(`${holder} ${task}`),
    });
  const first = run("a");
  await waitFor(async () => (await store.connection.redis.get(store.connection.keys.upkeep)) === "a", {
    what: "the first to hold the lease",
  });
  const second = run("b");
  await acceptOne(store);
  await waitFor(() => repairs.includes("a lost_wake_ups"), { what: "the first to repair" });
  await first.stop();
  await waitFor(async () => (await store.connection.redis.get(store.connection.keys.upkeep)) === "b", { what: "the second to take over" });
  await second.stop();
  assert.ok(!repairs.includes("b lost_wake_ups"));
});
