// Redis time: the one clock that all processes share. Sampled now and then, and carried on by the monotonic clock,
// so that a step of this machine's wall clock changes nothing.
import type { Redis } from "ioredis";

export type RedisClock = {
  /** Redis time in milliseconds since the epoch, as well as it is known. */
  now(): number;
  /** Asks Redis for its time; rejects while Redis is away. */
  sample(): Promise<void>;
  stop(): void;
};

const sampleEveryMs = 5_000;

/** Starts a clock for that client. It keeps its last offset while Redis is away. */
export function createRedisClock(redis: Redis): RedisClock {
  let offsetMs = Date.now() - performance.now();
  const sample = async () => {
    const before = performance.now();
    const [seconds, microseconds] = await redis.time();
    const after = performance.now();
    offsetMs = Number(seconds) * 1000 + Number(microseconds) / 1000 - (before + after) / 2;
  };
  const timer = setInterval(() => {
    sample().catch(() => undefined);
  }, sampleEveryMs);
  timer.unref();
  return { now: () => Math.floor(performance.now() + offsetMs), sample, stop: () => clearInterval(timer) };
}
