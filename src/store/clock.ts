// Redis time: the one clock that all processes share. Sampled now and then, and carried on by the monotonic clock,
// so that a step of this machine's wall clock changes nothing.
import type { Redis } from "ioredis";

export type RedisClock = {
  /** Redis time in milliseconds since the epoch, as well as it is known: never ahead of it, and behind it by one answer's way at most. */
  now(): number;
  /** Asks Redis for its time; rejects while Redis is away. */
  sample(): Promise<void>;
  stop(): void;
};

const sampleEveryMs = 5_000;

/** An answer that took longer was stuck somewhere, and tells the time too inexactly, unless Redis is that far away. */
const roundTripMsMax = 100;
/** It is asked again so often, for a quicker one. */
const asksMax = 5;
/** After so many samples in a row without a quick answer, it has moved far away. */
const slowInARowMax = 12;

/** Starts a clock for that client. It keeps its last offset while Redis is away. */
export function createRedisClock(redis: Pick<Redis, "time">): RedisClock {
  let offsetMs = Date.now() - performance.now();
  let usualMs = Number.POSITIVE_INFINITY;
  let slowInARow = 0;

  async function ask(): Promise<{ tookMs: number; offsetMs: number }> {
    const before = performance.now();
    const [seconds, microseconds] = await redis.time();
    const after = performance.now();
    // As if the answer's way had taken no time: a clock that is ahead would let a script be carried out whose caller waits no longer.
    return { tookMs: after - before, offsetMs: Number(seconds) * 1000 + Number(microseconds) / 1000 - after };
  }

  async function sample(): Promise<void> {
    let best = await ask();
    for (let asked = 1; best.tookMs > roundTripMsMax && asked < asksMax; asked++) {
      const again = await ask();
      if (again.tookMs < best.tookMs) best = again;
    }
    if (best.tookMs > Math.max(roundTripMsMax, 2 * usualMs) && ++slowInARow < slowInARowMax) return;
    slowInARow = 0;
    usualMs = best.tookMs;
    offsetMs = best.offsetMs;
  }

  const timer = setInterval(() => {
    sample().catch(() => undefined);
  }, sampleEveryMs);
  timer.unref();
  return { now: () => Math.floor(performance.now() + offsetMs), sample, stop: () => clearInterval(timer) };
}
