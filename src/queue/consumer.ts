// Takes wake-ups out of one relay's queue. BullMQ decides when a worker looks; what is so, the ledger knows.
import { type ConnectionOptions, DelayedError, type Job, Worker } from "bullmq";
import { parseWakeUpId, type WakeUp } from "../domain/wakeUp.ts";
import type { Log } from "../telemetry/logger.ts";
import { queueName } from "./names.ts";

export type ConsumerOptions = {
  relay: string;
  /** How many wake-ups are worked on at once. */
  concurrency: number;
  /** A client whose commands wait while Redis is away. */
  connection: ConnectionOptions;
  prefix: string;
  log: Log;
  /** Works on a dispatch. A number: look at it again after so many milliseconds. A rejection: again in a few seconds. */
  handle(wake: WakeUp): Promise<number | undefined>;
};

/** After a fault of ours a wake-up comes again after this. */
const faultDelayMs = 5_000;

/** Starts taking wake-ups; `stop` takes no more, waits for those under way, and after `graceMs` goes all the same. */
export function consume({ relay, concurrency, connection, prefix, log, handle }: ConsumerOptions): {
  stop(graceMs: number): Promise<void>;
} {
  async function look(job: Job, token?: string): Promise<void> {
    const wake = parseWakeUpId(job.id ?? "");
    if (!wake) return;
    const againMs = await handle(wake).catch((error: unknown) => {
      log.warn({ err: error, message_id: wake.messageId, relay }, "a dispatch could not be looked at; again in a few seconds");
      return faultDelayMs;
    });
    if (againMs === undefined) return;
    await job.moveToDelayed(Date.now() + againMs, token);
    throw new DelayedError();
  }

  const worker = new Worker(queueName(relay), look, {
    connection,
    prefix,
    concurrency,
    // Crashes and lost locks only mean that a dispatch is looked at again; the ledger counts what matters.
    maxStalledCount: 1_000_000,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
    skipVersionCheck: true,
  });
  worker.on("error", (error) => log.debug({ err: error, relay }, "queue connection"));

  return {
    async stop(graceMs) {
      let timer: NodeJS.Timeout | undefined;
      const force = new Promise<void>((resolve) => {
        // close() waits for Redis, which may be away: past the grace period its answer matters no more.
        timer = setTimeout(() => {
          void worker.close(true).catch(() => undefined);
          resolve();
        }, graceMs);
      });
      await Promise.race([worker.close().catch(() => undefined), force]);
      clearTimeout(timer);
    },
  };
}
