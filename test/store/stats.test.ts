import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { StoredEvent } from "../../src/domain/events.ts";
import { minuteMs, statsLifeMs } from "../../src/domain/stats.ts";
import type { Connection } from "../../src/store/connection.ts";
import { createStats } from "../../src/store/stats.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
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

async function open() {
  const connection = await connectFresh(redis);
  opened.push(connection);
  const { keys, clock } = connection;
  const stats = createStats(connection);
  /** Appends as the scripts do. */
  const log = async (events: Partial<StoredEvent>[]) => {
    const pipeline = connection.redis.pipeline();
    const first = Number((await connection.redis.get(keys.sequence)) ?? 0) + 1;
    for (const [index, event] of events.entries()) {
      const whole = { type: "message.sent", at: clock.now(), tenant: "default", message_id: `msg_${first + index}`, ...event };
      pipeline.xadd(keys.events, `${first + index}-0`, "e", JSON.stringify(whole));
    }
    pipeline.set(keys.sequence, first + events.length - 1);
    await pipeline.exec();
  };
  const countAll = async () => {
    while (await stats.count());
  };
  /** What became of a tenant's mail since then, in all. */
  const sum = async (name: "sent" | "bounced", { tenant = "default", agoMs = 0 } = {}) => {
    const { rows, countedTo } = await stats.read(tenant, clock.now() - agoMs, minuteMs);
    return { count: rows.reduce((total, { counts }) => total + counts[name], 0), countedTo };
  };
  return { ...connection, stats, log, countAll, sum };
}

test("each event is counted once, however many count at the same time, and the place up to which it was is told with it", async () => {
  const { log, stats, countAll, sum } = await open();
  await log(Array.from({ length: 2_500 }, () => ({})));
  await Promise.all([countAll(), countAll(), countAll()]);
  assert.deepEqual(await sum("sent", { agoMs: minuteMs }), { count: 2_500, countedTo: 2_500 });
  assert.equal(await stats.count(), false);
  await log([{ type: "message.bounced" }, { tenant: "acme" }]);
  await countAll();
  assert.deepEqual(await sum("bounced", { agoMs: minuteMs }), { count: 1, countedTo: 2_502 });
  assert.deepEqual((await sum("sent", { agoMs: minuteMs, tenant: "acme" })).count, 1);
});

test("every step from the asked time to the present is there, and holds what happened in it", async () => {
  const { log, stats, countAll, clock } = await open();
  const now = clock.now();
  await log([{ at: now - 20 * minuteMs }, { at: now - 20 * minuteMs }, { at: now - 2 * minuteMs }, { at: now - 60 * minuteMs }]);
  await countAll();
  for (const stepMs of [minuteMs, 5 * minuteMs, 15 * minuteMs, 60 * minuteMs]) {
    const since = now - 30 * minuteMs;
    const { rows } = await stats.read("default", since, stepMs);
    assert.equal(rows[0]?.at, Math.floor(since / stepMs) * stepMs);
    assert.deepEqual(
      rows.slice(1).map(({ at }, index) => at - (rows[index]?.at ?? 0)),
      rows.slice(1).map(() => stepMs),
    );
    const last = rows.at(-1)?.at ?? 0;
    assert.ok(last <= clock.now() && last + stepMs > now, "the last step is the present one");
    const expected = [20, 20, 2, 60].map((minutes) => now - minutes * minuteMs).filter((at) => at >= (rows[0]?.at ?? 0));
    assert.equal(
      rows.reduce((total, { counts }) => total + counts.sent, 0),
      expected.length,
      `steps of ${stepMs / minuteMs} minutes`,
    );
    for (const { at, counts } of rows) assert.equal(counts.sent, expected.filter((time) => time >= at && time < at + stepMs).length);
  }
});

test("counts take constant room: a day of every kind in every minute is small hashes that end by themselves", async () => {
  const { log, countAll, clock, redis: client, keys } = await open();
  const now = clock.now();
  const kinds = ["accepted", "sent", "deferred", "bounced", "delivered", "failed"] as const;
  const quarter = Math.floor(now / minuteMs / 15) - 1;
  await log(
    Array.from({ length: 15 * 60 }, (_, index) => ({
      at: (quarter * 15 + (index % 15)) * minuteMs,
      type: `message.${kinds[index % 6] ?? "sent"}` as const,
    })),
  );
  await log([{ at: now - statsLifeMs - 1 }]);
  await countAll();
  const names = await client.keys("*:stats:*");
  assert.deepEqual(names, [keys.tenantStats("default", quarter)], "what is too old makes none");
  const [name = ""] = names;
  assert.ok(((await client.memory("USAGE", name)) ?? Number.POSITIVE_INFINITY) < 3_000);
  const life = await client.pttl(name);
  assert.ok(life > statsLifeMs && life <= statsLifeMs + 15 * minuteMs, String(life));
});

test("a log that has lost its end is counted on from where it goes on", async () => {
  const { log, countAll, sum, redis: client, keys } = await open();
  await log([{}, {}, {}]);
  await countAll();
  await client.xtrim(keys.events, "MAXLEN", 0);
  await client.del(keys.events);
  await client.set(keys.sequence, 1);
  await log([{}]);
  await countAll();
  const { count, countedTo } = await sum("sent", { agoMs: minuteMs });
  assert.equal(countedTo, 2);
  assert.ok(count >= 3, "nothing that was counted is taken back");
  await log([{}]);
  await countAll();
  assert.equal((await sum("sent", { agoMs: minuteMs })).count, count + 1);
});

test("a relay's attempts of the last minute are counted over all tenants", async () => {
  const { log, stats, countAll } = await open();
  await log([{ relay: "ses", attempt: 1 }, { relay: "ses", attempt: 1, tenant: "acme" }, { relay: "office", attempt: 1 }, {}]);
  await countAll();
  assert.deepEqual(await stats.attemptsInLastMinute(["ses", "office", "idle"]), [2, 1, 0]);
  assert.deepEqual(await stats.attemptsInLastMinute([]), []);
});
