import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createRedisClock } from "../../src/store/clock.ts";

/** A Redis whose clock shows another year, and whose answers are stuck for a while on their way here or there. */
function slowRedis() {
  const aheadMs = 40_000_000_000;
  const ways = { thereMs: 0, backMs: 0 };
  const trueNow = () => performance.timeOrigin + performance.now() + aheadMs;
  const time = async (): Promise<[number, number]> => {
    await sleep(ways.thereMs);
    const now = trueNow();
    await sleep(ways.backMs);
    return [Math.floor(now / 1000), Math.floor((now % 1000) * 1000)];
  };
  return { ways, trueNow, redis: { time } as unknown as Parameters<typeof createRedisClock>[0] };
}

test("Redis time is never ahead, however the answer was held up, and one that was stuck for long is not believed", async (t) => {
  const { ways, trueNow, redis } = slowRedis();
  const clock = createRedisClock(redis);
  t.after(clock.stop);
  for (const way of [{}, { thereMs: 60 }, { backMs: 60 }, { thereMs: 400 }, { backMs: 400 }]) {
    Object.assign(ways, { thereMs: 0, backMs: 0 }, way);
    await clock.sample();
    const behindMs = trueNow() - clock.now();
    assert.ok(behindMs >= 0 && behindMs < 200, `${behindMs} ms behind after ${JSON.stringify(way)}`);
  }
});

test("the very first answer may be slow, when a process has much to do: the next ones count", async (t) => {
  const { ways, trueNow, redis } = slowRedis();
  ways.backMs = 500;
  const clock = createRedisClock(redis);
  t.after(clock.stop);
  const sampled = clock.sample();
  ways.backMs = 0;
  await sampled;
  const behindMs = trueNow() - clock.now();
  assert.ok(behindMs >= 0 && behindMs < 200, `${behindMs} ms behind`);
});

test("a Redis that is always far away is believed as well as it can be", async (t) => {
  const { ways, trueNow, redis } = slowRedis();
  Object.assign(ways, { thereMs: 100, backMs: 100 });
  const clock = createRedisClock(redis);
  t.after(clock.stop);
  await clock.sample();
  await clock.sample();
  const behindMs = trueNow() - clock.now();
  assert.ok(behindMs >= 0 && behindMs < 300, `${behindMs} ms behind`);
});
