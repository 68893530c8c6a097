// Takes wake-ups out of one of a relay's queues. BullMQ decides when a worker looks; what is so, the ledger knows.
import { setTimeout as sleep } from "node:timers/promises";
import { type ConnectionOptions, DelayedError, type Job, Worker, type WorkerOptions } from "bullmq";
import { parseWakeUpId, type WakeUp } from "../domain/wakeUp.ts";
import type { Log } from "../telemetry/logger.ts";
import { queueName, type Track } from "./names.ts";
import { backendInRedisTime } from "./redisTime.ts";

export type ConsumerOptions = {
  relay: string;
  track: Track;
  /** How many wake-ups are worked on at once. */
  concurrency: number;
  /** A wake-up whose worker has not been heard of for so long is taken by another, within twice that. Milliseconds. */
  lockMs?: number;
  /** A client whose commands wait while Redis is away. */
  connection: ConnectionOptions;
  prefix: string;
  /** Redis time (ms). */
  now(): number;
  log: Log;
  /** Works on a dispatch. A number: look at it again after so many milliseconds. A rejection: again in a few seconds. */
  handle(wake: WakeUp): Promise<number | undefined>;
};

/** After a fault of ours a wake-up comes again after this. */
const faultDelayMs = 5_000;

/** A connection that was lost is tried again after this; BullMQ's own 15 s would be idle time after every restart of Redis. */
const reconnectDelayMs = 1_000;

/** A fetch that Redis refused (it is full, or has become a replica) is made again after this. */
const refusedDelayMs = 1_000;

/** BullMQ's worker, but for two of its ways. */
class PatientWorker extends Worker {
  readonly #now: () => number;

  constructor(name: string, look: (job: Job, token?: string) => Promise<void>, options: WorkerOptions, now: () => number) {
    super(name, look, { ...options, autorun: false }, backendInRedisTime(now));
    this.#now = now;
  }

  /** How long to wait (s) for something that is due at a time (ms) which is Redis' here, and this machine's there. */
  protected override getBlockTimeout(blockUntil: number): number {
    return super.getBlockTimeout(blockUntil > 0 ? blockUntil - this.#now() + Date.now() : blockUntil);
  }

  /**
   * It asks for the next job again at once when Redis answers with an error, and goes on asking for as long as that lasts: a loop that takes
   * most of a core, and a quarter of Redis' own.
   */
  protected override async moveToActive(token: string, name?: string): Promise<Job> {
    try {
      return await super.moveToActive(token, name);
    } catch (error) {
      if (error instanceof Error && error.name === "ReplyError") await sleep(refusedDelayMs);
      throw error;
    }
  }
}

/** How long a stop waits for Redis when no wake-up is under way. */
const lastWordsMs = 1_000;

export type Consumer = {
  /** Takes nothing more until `resume`; what is under way goes on. */
  pause(): void;
  resume(): void;
  /** Takes no more, waits for what is under way, and after `graceMs` goes all the same. */
  stop(graceMs: number): Promise<void>;
};

/** Starts taking wake-ups. */
export function consume({ relay, track, concurrency, lockMs = 30_000, connection, prefix, now, log, handle }: ConsumerOptions): Consumer {
  let underWay = 0;
  let onIdle = () => {};
  const idle = () =>
    new Promise<void>((resolve) => {
      onIdle = resolve;
      if (underWay === 0) resolve();
    });

  async function look(job: Job, token?: string): Promise<void> {
    const wake = parseWakeUpId(job.id ?? "");
    if (!wake) return;
    underWay += 1;
    const againMs = await handle(wake).catch((error: unknown) => {
      log.warn({ err: error, message_id: wake.messageId, relay }, "a dispatch could not be looked at; again in a few seconds");
      return faultDelayMs;
    });
    underWay -= 1;
    if (underWay === 0) onIdle();
    if (againMs === undefined) return;
    // Only the difference counts: see redisTime.ts.
    await job.moveToDelayed(Date.now() + againMs, token);
    throw new DelayedError();
  }

  const options: WorkerOptions = {
    connection,
    prefix,
    concurrency,
    lockDuration: lockMs,
    stalledInterval: lockMs / 2,
    runRetryDelay: reconnectDelayMs,
    // Crashes and lost locks only mean that a dispatch is looked at again; the ledger counts what matters.
    maxStalledCount: 1_000_000,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
    skipVersionCheck: true,
  };
  const worker = new PatientWorker(queueName(relay, track), look, options, now);
  worker.on("error", (error) => log.debug({ err: error, relay }, "queue connection"));
  worker.run().catch((error: unknown) => log.error({ err: error, relay }, "the queue's worker ended"));

  return {
    pause: () => void worker.pause(true).catch(() => undefined),
    resume: () => void worker.resume(),
    async stop(graceMs) {
      const ended = new AbortController();
      const pause = (ms: number) => sleep(ms, undefined, { signal: ended.signal }).catch(() => undefined);
      const closed = worker.close().catch(() => undefined);
      // close() waits for Redis, which may be away. Once nothing is under way, what Redis would still be told is worth a moment only:
      // a wake-up that nobody has confirmed comes again.
      await Promise.race([closed, pause(graceMs), idle().then(() => pause(lastWordsMs))]);
      ended.abort();
    },
  };
}
