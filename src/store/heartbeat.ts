// The heartbeat thread: tells Redis every few seconds that this process lives, whatever its event loop is doing.
import { parentPort, workerData } from "node:worker_threads";
import { openClient } from "./connection.ts";
import type { HeartbeatOrder } from "./owner.ts";

const { target, owners, id, everyMs, heard } = workerData as HeartbeatOrder;
const beats = new BigInt64Array(heard);
const redis = openClient(target, "hasty");

// Redis time, and those that have been silent for a day are forgotten.
const beat = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 86400000)
return 1`;

/** After a beat that failed the next one follows soon: the lease is running out. */
const afterFailureMs = Math.min(everyMs, 200);

async function run(): Promise<never> {
  for (;;) {
    const sentAt = process.hrtime.bigint();
    const reached = await redis.eval(beat, 1, owners, id).then(
      () => true,
      () => false,
    );
    if (reached) {
      Atomics.store(beats, 0, sentAt);
      parentPort?.postMessage("beat");
    }
    await new Promise((resolve) => setTimeout(resolve, reached ? everyMs : afterFailureMs));
  }
}

void run();
