// What a relay takes, counted over all workers: nobody gets more than there is, and what a dead one held is free again.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createRelayPermits, type PaceLimit } from "../../src/store/relayPermits.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { connectFresh } from "./ledgerForTests.ts";

let redis: TestRedis;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

async function open() {
  const connection = await connectFresh(redis);
  return { permits: createRelayPermits(connection), close: () => connection.close() };
}

const tenPerSecond: PaceLimit = { field: "10/1000", intervalMs: 100, toleranceMs: 0 };
const book = { limits: [tenPerSecond], count: 1, horizonMs: 1_000, heedsSlowDown: true };

test("places lie one interval apart, up to the horizon, whoever asks; then comes when to ask again", async () => {
  const { permits, close } = await open();
  const first = await permits.book("ses", { ...book, count: 3 });
  const second = await permits.book("ses", { ...book, count: 100 });
  assert.ok(first.kind === "booked" && second.kind === "booked");
  assert.equal(first.waitsMs.length, 3);
  const gaps = [...first.waitsMs, ...second.waitsMs].map((wait, index, all) => wait - (all[index - 1] ?? wait));
  // The second question comes a few milliseconds after the first: its waits are shorter by that.
  assert.ok(
    gaps.slice(1).every((gap, index) => (index === 2 ? gap > 50 && gap <= 101 : gap >= 99 && gap <= 101)),
    gaps.join(),
  );
  assert.ok(second.waitsMs.every((wait) => wait <= 1_000));
  const third = await permits.book("ses", book);
  assert.ok(third.kind === "later" && third.because === "pace" && third.inMs > 0 && third.inMs <= 101, JSON.stringify(third));
  assert.equal((await permits.book("other", book)).kind, "booked");
  await close();
});

test("a burst goes at once, and only where it is allowed; all limits hold together", async () => {
  const { permits, close } = await open();
  const burst = { ...tenPerSecond, toleranceMs: 500 };
  const answer = await permits.book("ses", { ...book, limits: [burst], count: 10, horizonMs: 0 });
  assert.deepEqual(answer.kind === "booked" && answer.waitsMs, [0, 0, 0, 0, 0, 0]);
  assert.equal((await permits.book("ses", { ...book, horizonMs: 100 })).kind, "later", "the burst is not for everybody");
  const hourly = { field: "3600/3600000", intervalMs: 1_000, toleranceMs: 0 };
  const both = await permits.book("both", { ...book, limits: [tenPerSecond, hourly], count: 3, horizonMs: 5_000 });
  assert.ok(both.kind === "booked" && (both.waitsMs[1] ?? 0) >= 999, JSON.stringify(both));
  await close();
});

test("a day's ceiling ends the day, at any pace", async () => {
  const { permits, close } = await open();
  const ceiling = { field: "day 2026-11-20", max: 2, endsInMs: 5_000 };
  const first = await permits.book("ses", { ...book, limits: [], count: 10, ceiling });
  assert.deepEqual(first.kind === "booked" && first.waitsMs, [0, 0]);
  assert.deepEqual(await permits.book("ses", { ...book, limits: [], ceiling }), { kind: "later", inMs: 5_000, because: "ceiling" });
  await close();
});

test("a relay that asks for it is slowed down by half, once a second, and comes back by itself", async () => {
  const { permits, close } = await open();
  assert.equal(await permits.slowInterval("ses"), undefined);
  assert.equal(await permits.slowDown("ses", 5), 10);
  assert.equal(await permits.slowDown("ses", 5), 10, "twenty connections that are told the same are told it once");
  const slowed = await permits.book("ses", { ...book, limits: [], count: 3 });
  assert.deepEqual(slowed.kind === "booked" && slowed.waitsMs.map((wait) => Math.round(wait / 10)), [0, 1, 2]);
  await waitFor(async () => ((await permits.slowInterval("ses")) ?? 0) < 9, { what: "the relay to be eased" });
  await close();
});

test("parked dispatches come back one after the other", async () => {
  const { permits, close } = await open();
  const park = () => permits.park("ses", { field: "x", intervalMs: 100 }, { minMs: 50, maxMs: 1_000 });
  const [first = 0, second = 0, third = 0] = [await park(), await park(), await park()];
  assert.ok(first >= 45 && second - first > 60 && third - second > 60, [first, second, third].join());
  await close();
});

test("nobody is allowed more than there is; who has more than its part gives back what another wants", async () => {
  const { permits, close } = await open();
  const of = (owner: string) => ({ relay: "ses", limit: 10, leaseMs: 60_000, owner });
  assert.equal(await permits.share(of("a"), 0, 10), 10);
  assert.equal(await permits.share(of("b"), 0, 3), 0);
  assert.equal(await permits.share(of("a"), 10, 0), 5, "half of ten is b's");
  assert.equal(await permits.share(of("b"), 0, 3), 0, "a has not given back yet");
  assert.equal(await permits.share(of("a"), 5, 0), 5);
  assert.equal(await permits.share(of("b"), 0, 3), 3);
  assert.equal(await permits.held("ses"), 8);
  await permits.share(of("a"), 0, 0);
  assert.equal(await permits.share(of("b"), 3, 10), 10);
  await close();
});

test("what a worker held that is not heard of any more is free again", async () => {
  const { permits, close } = await open();
  assert.equal(await permits.share({ relay: "ses", limit: 2, leaseMs: 300, owner: "dead" }, 0, 2), 2);
  const mine = { relay: "ses", limit: 2, leaseMs: 60_000, owner: "alive" };
  assert.equal(await permits.share(mine, 0, 2), 0);
  await waitFor(async () => (await permits.share(mine, 0, 2)) === 2, { what: "the lease to run out", timeoutMs: 5_000 });
  await close();
});
