// Whether a relay works, as all workers know it together: suspended after faults that are no accident, tried again by one of them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { RelayFault } from "../../src/domain/relay.ts";
import { createRelayHealth } from "../../src/store/relayHealth.ts";
import { watchRelays } from "../../src/store/relayWatch.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { connectFresh } from "./ledgerForTests.ts";

let redis: TestRedis;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

const refused: RelayFault = { phase: "connect", text: "connect ECONNREFUSED" };
const busy: RelayFault = { phase: "greeting", text: "421", reply: { code: 421, text: "too many connections" } };

async function open() {
  const connection = await connectFresh(redis);
  const health = createRelayHealth(connection);
  const condition = async () => (await health.read(["ses"]))[0]?.condition;
  return { connection, health, condition, close: () => connection.close() };
}

test("the third fault in a row suspends; success in between begins the count anew", async () => {
  const { health, condition, close } = await open();
  await health.fault("ses", refused);
  await health.fault("ses", refused);
  await health.success("ses");
  assert.deepEqual(await health.fault("ses", refused), { began: false });
  assert.deepEqual(await health.fault("ses", refused), { began: false });
  assert.equal(await condition(), "up");
  const third = await health.fault("ses", refused);
  assert.deepEqual([third.began, third.suspendedForMs], [true, 1_000]);
  assert.equal((await health.fault("ses", refused)).began, false, "it is suspended once");
  const [shown] = await health.read(["ses"]);
  assert.deepEqual([shown?.condition, shown?.lastError?.text], ["suspended", "connect ECONNREFUSED"]);
  await close();
});

test("a relay that turns further connections away while mail goes through is not suspended; one that lets nobody in is", async () => {
  const { health, condition, close } = await open();
  await health.success("ses");
  for (let index = 0; index < 10; index++) await health.fault("ses", busy);
  assert.equal(await condition(), "up");
  for (let index = 0; index < 3; index++) await health.fault("other", busy);
  assert.equal((await health.read(["other"]))[0]?.condition, "suspended");
  await close();
});

test("one worker at a time tries a suspended relay, after its suspension; failing prolongs it, success ends it", async () => {
  const { health, condition, close } = await open();
  for (let index = 0; index < 3; index++) await health.fault("ses", refused);
  assert.equal(await health.mayProbe("ses", "a"), false, "not yet");
  await waitFor(() => health.mayProbe("ses", "a"), { what: "the suspension to run out" });
  assert.equal(await health.mayProbe("ses", "b"), false, "a is at it");
  const failed = await health.probeFailed("ses", refused, "a");
  assert.deepEqual([failed.began, failed.suspendedForMs], [false, 2_000]);
  assert.equal(await health.success("ses"), true);
  assert.equal(await condition(), "up");
  assert.equal(await health.mayProbe("ses", "b"), false);
  await close();
});

test("paused is paused, whatever else it is, until it is resumed; every watcher hears of it", async () => {
  const { health, condition, close } = await open();
  const watch = await watchRelays(health, ["ses"]);
  const heard: boolean[] = [];
  watch.onChange((_, isUp) => heard.push(isUp));
  await health.pause("ses");
  await health.success("ses");
  assert.equal(await condition(), "paused");
  await waitFor(() => !watch.isUp("ses"), { what: "the watcher to know" });
  await health.resume("ses");
  await waitFor(() => watch.isUp("ses"), { what: "the watcher to know" });
  assert.deepEqual(heard, [false, true]);
  watch.stop();
  await close();
});

test("while Redis is away a watcher keeps its last picture", async () => {
  const own = await startRedis();
  const connection = await connectFresh(own);
  const health = createRelayHealth(connection);
  await health.pause("ses");
  const watch = await watchRelays(health, ["ses", "other"]);
  await own.stop();
  await watch.look();
  assert.deepEqual([watch.isUp("ses"), watch.isUp("other")], [false, true]);
  watch.stop();
  await connection.close();
});
