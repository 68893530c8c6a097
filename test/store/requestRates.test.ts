// How requests are counted: exactly, over all processes, by Redis time.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { quotasOf, type RequestPolicy, requestPolicies } from "../../src/domain/quotas.ts";
import type { Rate } from "../../src/domain/relay.ts";
import type { Connection } from "../../src/store/connection.ts";
import { createRequestRates } from "../../src/store/requestRates.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { connectFresh } from "./ledgerForTests.ts";

let redis: TestRedis;
const opened: Connection[] = [];
before(async () => {
  redis = await startRedis();
});
after(async () => {
  for (const connection of opened) await connection.close();
  await redis.stop();
});

async function open(url = redis.freshUrl()) {
  const connection = await connectFresh(redis, url);
  opened.push(connection);
  return { connection, rates: createRequestRates(connection) };
}

function policies(key: Rate[], tenant: Rate[] = []): RequestPolicy[] {
  const quotas = { perKey: { requests: key }, perTenant: { requests: tenant }, keys: {}, tenants: {} };
  return requestPolicies(quotasOf(quotas, { keyId: "key_a", tenant: "acme" }));
}

const hour = 3_600_000;
/** So long that nothing comes back while a thousand are counted, however busy the machine is. */
const day = 24 * hour;
const ids = { key: "key_a", tenant: "acme" };

test("so many requests as the rate says are counted at once, and not one more; what remains is told each time", async () => {
  const { rates } = await open();
  for (const count of [1, 3, 7, 1_000]) {
    const held = policies([{ count, perMs: day }]);
    for (let left = count - 1; left >= 0; left--) {
      const { waitMs, standings } = await rates.take({ ...ids, key: `key_${count}` }, held);
      assert.equal(waitMs, 0);
      assert.equal(standings[0]?.remaining, left);
      assert.ok((standings[0]?.freeInMs ?? 0) <= day);
    }
    const { waitMs, standings } = await rates.take({ ...ids, key: `key_${count}` }, held);
    assert.ok(waitMs > 0 && waitMs <= day / count, `${waitMs} ms to wait`);
    assert.equal(standings[0]?.remaining, 0);
  }
});

test("two processes at once share one count: together they get what is allowed, exactly", async () => {
  const url = redis.freshUrl();
  const both = await Promise.all([open(url), open(url)]);
  const held = policies([{ count: 50, perMs: hour }]);
  const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => both[index % 2]?.rates.take(ids, held)));
  assert.equal(answers.filter((answer) => answer?.waitMs === 0).length, 50);
});

test("after the time it names there is room for one, and over a long run there are no more than burst and pace allow", async () => {
  const { rates } = await open();
  const held = policies([{ count: 5, perMs: 1_000 }]);
  const startedAt = performance.now();
  let taken = 0;
  await waitFor(
    async () => {
      const { waitMs } = await rates.take(ids, held);
      if (waitMs === 0) taken += 1;
      return taken === 12;
    },
    { what: "twelve requests", everyMs: 1, timeoutMs: 20_000 },
  );
  // Five at once and seven at 200 ms each.
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= 1_390, `${tookMs} ms`);
  const { waitMs } = await rates.take(ids, held);
  assert.ok(waitMs > 0 && waitMs <= 200);
  await new Promise((resolve) => setTimeout(resolve, waitMs + 1));
  assert.equal((await rates.take(ids, held)).waitMs, 0);
});

test("what one rate refuses is counted by none", async () => {
  const { rates } = await open();
  const held = policies(
    [{ count: 2, perMs: hour }],
    [
      { count: 5, perMs: 2 * hour },
      { count: 100, perMs: 3 * hour },
    ],
  );
  const take = async (key: string) => {
    const { waitMs, standings } = await rates.take({ key, tenant: "acme" }, held);
    return [waitMs === 0, ...standings.map(({ remaining }) => remaining)];
  };
  assert.deepEqual(await take("key_a"), [true, 1, 4, 99]);
  assert.deepEqual(await take("key_a"), [true, 0, 3, 98]);
  for (let again = 0; again < 10; again++) assert.deepEqual(await take("key_a"), [false, 0, 3, 98]);
  assert.deepEqual(await take("key_b"), [true, 1, 2, 97]);
  assert.deepEqual(await take("key_c"), [true, 1, 1, 96]);
  assert.deepEqual(await take("key_d"), [true, 1, 0, 95]);
  assert.deepEqual(await take("key_e"), [false, 2, 0, 95]);
  assert.equal((await rates.take({ key: "key_a", tenant: "other" }, policies([], [{ count: 5, perMs: 2 * hour }]))).waitMs, 0);
});

test("any rate lets its count through at once, and then one only after its share of the period", async () => {
  const { rates } = await open();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 60_000, max: 90 * 86_400_000 }), async (count, perMs) => {
      const held = policies([{ count, perMs }]);
      const who = { ...ids, key: `run_${run++}` };
      const answers = await Promise.all(Array.from({ length: count + 3 }, () => rates.take(who, held)));
      assert.equal(answers.filter(({ waitMs }) => waitMs === 0).length, count);
      for (const { waitMs } of answers) assert.ok(waitMs <= Math.ceil(perMs / count));
    }),
    { numRuns: 60 },
  );
});

test("what is counted is forgotten once all of it is free again, at the latest after the longest period", async () => {
  const { rates, connection } = await open();
  await rates.take(
    ids,
    policies(
      [
        { count: 5, perMs: 1_000 },
        { count: 9, perMs: hour },
      ],
      [{ count: 5, perMs: 2_000 }],
    ),
  );
  const lives = [
    await connection.redis.pttl(connection.keys.requests("key", "key_a")),
    await connection.redis.pttl(connection.keys.requests("tenant", "acme")),
  ];
  assert.ok((lives[0] ?? 0) > hour - 10_000 && (lives[0] ?? 0) <= hour, String(lives));
  assert.ok((lives[1] ?? 0) > 0 && (lives[1] ?? 0) <= 2_000, String(lives));
});
