// Takes wake-ups out of one of a relay's queues. BullMQ decides when a worker looks; what is so, the ledger knows.
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConnectionOptions, DelayedError, type Job, Worker, type WorkerOptions } from "bullmq";
import type { WakeUp } from "../domain/wakeUp.ts";
import type { Log } from "../telemetry/logger.ts";
import { dataOf, wakeUpsOf } from "./jobs.ts";
import { queueName, type Track } from "./names.ts";
import { createPlaces, type Places } from "./places.ts";
import { backendInRedisTime } from "./redisTime.ts";

export type ConsumerOptions = {
  relay: string;
  track: Track;
  /** How many wake-ups are worked on at once, whatever jobs they come in. */
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

type Look = (job: Job, token?: string) => Promise<void>;

/** BullMQ's worker, but for three of its ways. */
class PatientWorker extends Worker {
  readonly #now: () => number;
  readonly #places: Places;

  constructor(name: string, look: Look, options: WorkerOptions, { now, places }: { now: () => number; places: Places }) {
    super(name, look, { ...options, autorun: false }, backendInRedisTime(now));
    this.#now = now;
    this.#places = places;
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
    // Undefined as where the queue is empty, whatever the type says: what has come is begun before more is fetched.
    if (!(await this.#places.wanted())) return undefined as unknown as Job;
    try {
      return this.#expect(await super.moveToActive(token, name));
    } catch (error) {
      if (error instanceof Error && error.name === "ReplyError") await sleep(refusedDelayMs);
      throw error;
    }
  }

  /** It takes as many jobs as there are places; ours may hold many wake-ups, which another worker could work on meanwhile. */
  protected override async handleCompleted(...[result, job, token, mayFetch, span]: Parameters<Worker["handleCompleted"]>) {
    const mayFetchNow = () => this.#places.isWanted() && (mayFetch?.() ?? true);
    return this.#expect(await super.handleCompleted(result, job, token, mayFetchNow, span));
  }

  #expect(job: Job): Job {
    if (job as Job | undefined) this.#places.expect(wakeUpsOf(job).length);
    return job;
  }
}

/** A wake-up is looked at again after this at the earliest, where others of its job are still under way. */
const lookAgainMsMin = 50;

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

  const places = createPlaces(concurrency);
  let isStopping = false;

  /** Works on one wake-up when its turn comes. Returns milliseconds after which to look again, if it is not done. */
  async function work(wake: WakeUp): Promise<number | undefined> {
    let againMs: number | undefined;
    await places.take(async () => {
      againMs = await handle(wake).catch((error: unknown) => {
        log.warn({ err: error, message_id: wake.messageId, relay }, "a dispatch could not be looked at; again in a few seconds");
        return faultDelayMs;
      });
    });
    return againMs;
  }

  /**
   * Works on all wake-ups of a job. One that is not done is looked at again at its time, as if it had a job of its own, for as long as others
   * of the job are under way: a long send keeps nobody waiting.
   * @returns for each milliseconds after which to look again, or undefined if it is done
   */
  async function workOnAll(wakes: readonly WakeUp[]): Promise<(number | undefined)[]> {
    const over = new AbortController();
    setMaxListeners(0, over.signal);
    let busy = wakes.length;
    return Promise.all(
      wakes.map(async (wake) => {
        for (;;) {
          const againMs = await work(wake);
          busy -= 1;
          if (busy === 0) over.abort();
          if (againMs === undefined) return undefined;
          const dueAt = performance.now() + Math.max(againMs, lookAgainMsMin);
          await sleep(dueAt - performance.now(), undefined, { signal: over.signal }).catch(() => undefined);
          while (isStopping && !over.signal.aborted) await sleep(lookAgainMsMin, undefined, { signal: over.signal }).catch(() => undefined);
          if (over.signal.aborted) return wakes.length === 1 ? againMs : Math.max(1, Math.ceil(dueAt - performance.now()));
          busy += 1;
          places.expectAgain();
        }
      }),
    );
  }

  /** A job is done with when each of its wake-ups is; else it comes again with those that are not. */
  async function look(job: Job, token?: string): Promise<void> {
    const wakes = wakeUpsOf(job);
    places.begin();
    underWay += 1;
    const again = await workOnAll(wakes);
    underWay -= 1;
    if (underWay === 0) onIdle();
    const left = wakes.filter((_, index) => again[index] !== undefined);
    if (left.length === 0) return;
    if (left.length < wakes.length) await job.updateData(dataOf(left));
    // Only the difference counts: see redisTime.ts.
    await job.moveToDelayed(Date.now() + Math.min(...again.flatMap((ms) => ms ?? [])), token);
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
  const worker = new PatientWorker(queueName(relay, track), look, options, { now, places });
  worker.on("error", (error) => log.debug({ err: error, relay }, "queue connection"));
  worker.run().catch((error: unknown) => log.error({ err: error, relay }, "the queue's worker ended"));

  return {
    pause: () => void worker.pause(true).catch(() => undefined),
    resume: () => void worker.resume(),
    async stop(graceMs) {
      isStopping = true;
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
