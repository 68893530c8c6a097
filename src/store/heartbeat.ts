// The heartbeat thread: tells Redis every few seconds that this process lives, whatever its event loop is doing.
import { parentPort, workerData } from "node:worker_threads";
import { openClient } from "./connection.ts";
import type { HeartbeatOrder } from "./owner.ts";
import { loadScript, runScript } from "./scripts.ts";

const { target, owners, id, everyMs, silenceMs, heard } = workerData as HeartbeatOrder;
const beats = new BigInt64Array(heard);
const redis = openClient(target, "hasty");

const beat = loadScript("heartbeat");

/** After a beat that failed the next one follows soon: the lease is running out. */
const afterFailureMs = Math.min(everyMs, 200);

async function run(): Promise<never> {
  for (;;) {
    const sentAt = process.hrtime.bigint();
    const reached = await runScript(redis, beat, [owners], [id, silenceMs]).then(
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
