import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Connection } from "../../src/store/connection.ts";
import { countOwners, startOwner } from "../../src/store/owner.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { acceptOne, beat, connectFresh, openLedger } from "./ledgerForTests.ts";

let redis: TestRedis;
let connection: Connection;
before(async () => {
  redis = await startRedis();
  connection = await connectFresh(redis, `${redis.url}/0`);
});
after(async () => {
  await connection.close();
  await redis.stop();
});

const target = () => ({ kind: "single" as const, host: "127.0.0.1", port: redis.port, database: 0, tls: false, verifyCertificate: true });

async function heardAgoMs(id: string): Promise<number | undefined> {
  const score = await connection.redis.zscore(connection.keys.owners, id);
  return score === null ? undefined : connection.clock.now() - Number(score);
}

test("a blocked event loop does not look like a dead worker", async () => {
  const owner = await startOwner(connection, target(), "own_busy", 1_200);
  const until = Date.now() + 1_500;
  // The very thing that is under test: a loop that gives nobody else a turn.
  while (Date.now() < until);
  assert.ok(owner.leaseHolds());
  const ago = await heardAgoMs("own_busy");
  assert.ok(ago !== undefined && ago < 1_000, String(ago));
  await owner.retire();
});

test("retired, an owner is off the list at once", async () => {
  const owner = await startOwner(connection, target(), "own_leaving", 60_000);
  assert.notEqual(await heardAgoMs("own_leaving"), undefined);
  await owner.retire();
  await owner.retire();
  assert.equal(await heardAgoMs("own_leaving"), undefined);
});

test("counted are the owners whose heart beats, not those that fell silent or left, nor the mark that stands for all of them", async () => {
  const owners = connection.keys.owners;
  await connection.redis.del(owners);
  assert.equal(await countOwners(connection, 60_000), 0);
  const first = await startOwner(connection, target(), "own_first", 60_000);
  const second = await startOwner(connection, target(), "own_second", 60_000);
  await connection.redis.zadd(owners, connection.clock.now() - 61_000, "own_silent", connection.clock.now(), "*");
  assert.equal(await countOwners(connection, 60_000), 2);
  await first.retire();
  assert.equal(await countOwners(connection, 60_000), 1);
  await second.retire();
});

test("after a time in which no owner could be heard, all have a lease's time to come back before any of them counts as dead", async () => {
  const leaseMs = 1_000;
  const store = await openLedger(redis, { leases: { ownerMs: leaseMs } });
  const { wake } = await acceptOne(store);
  const here = { ...target(), database: store.connection.redis.options.db ?? 0 };
  // One that was last heard of, as all others, when Redis went away.
  await beat(store, "own_slow");
  await store.ledger.claim(wake, "own_slow", "w");
  await beat(store, "own_slow", 10 * leaseMs);
  const owner = await startOwner(store.connection, here, "own_quick", leaseMs);
  assert.equal((await store.ledger.claim(wake, "own_quick", "w")).kind, "look_again");
  const late = () => store.ledger.claim(wake, "own_quick", "w").then(({ kind }) => kind === "claimed");
  await waitFor(late, { what: "the slow one to count as dead", timeoutMs: 5 * leaseMs, everyMs: 100 });
  await owner.retire();
  await store.connection.close();
});

test("while Redis is away the owner knows that its lease has run out, and when Redis is back that it holds again", async () => {
  const owner = await startOwner(connection, target(), "own_cut", 1_000);
  assert.ok(owner.leaseHolds());
  await redis.kill("SIGKILL");
  await waitFor(() => !owner.leaseHolds(), { what: "the lease to run out", timeoutMs: 3_000 });
  await redis.restart();
  await waitFor(() => owner.leaseHolds(), { what: "the lease to hold again", timeoutMs: 5_000 });
  await owner.retire();
});
