// Puts wake-ups into the relays' queues. A job is a hint: it is named by its wake-up and carries nothing, or it carries the names of many.
import { type ConnectionOptions, type Job, Queue } from "bullmq";
import type { PlannedWakeUp } from "../domain/dispatching.ts";
import { type WakeUp, wakeUpId } from "../domain/wakeUp.ts";
import type { Log } from "../telemetry/logger.ts";
import { jobsOf, type PlannedJob, sharedJobId, wakeUpsOf } from "./jobs.ts";
import { priorityOf, queueName, type Track, trackOf, tracks } from "./names.ts";

export type ProducerOptions = {
  /** A client whose commands fail at once while Redis is away. */
  connection: ConnectionOptions;
  prefix: string;
  /** Redis time (ms). */
  now(): number;
  log: Log;
};

/** Opens the queues as they are needed. Functions reject while Redis is away. */
export function createProducer({ connection, prefix, now, log }: ProducerOptions) {
  const queues = new Map<string, Queue>();

  function queueOf(relay: string, track: Track): Queue {
    const name = queueName(relay, track);
    const standing = queues.get(name);
    if (standing) return standing;
    const queue = new Queue(name, {
      connection,
      prefix,
      // BullMQ's own events drive nothing here; their stream is kept as short as can be.
      streams: { events: { maxLen: 10 } },
      skipVersionCheck: true,
    });
    queue.on("error", (error) => log.debug({ err: error, relay }, "queue connection"));
    queues.set(name, queue);
    return queue;
  }

  const queuesOf = (relay: string) => tracks.map((track) => queueOf(relay, track));

  function add({ jobId, wakes, planned }: PlannedJob): Promise<unknown> {
    const { relay, delayMs } = planned;
    const priority = priorityOf(planned);
    return queueOf(relay, trackOf(planned)).add("dispatch", wakes, {
      jobId,
      timestamp: now(),
      ...(delayMs > 0 && { delay: Math.ceil(delayMs) }),
      ...(priority !== undefined && { priority }),
    });
  }

  return {
    /**
     * Adds wake-ups, those that may share a job in one; one whose job is in the queue already is not added again. Resolves with those that the
     * queue has.
     */
    async wake(planned: readonly PlannedWakeUp[]): Promise<WakeUp[]> {
      const jobs = jobsOf(planned);
      const added = await Promise.allSettled(jobs.map((job) => add(job)));
      const failed = added.find((result) => result.status === "rejected");
      if (failed) log.debug({ err: failed.reason }, "a wake-up was not queued; upkeep will");
      return jobs.flatMap(({ its }, index) => (added[index]?.status === "fulfilled" ? its : []));
    },

    /** Whether one of a relay's queues holds a job for this wake-up. `sharedJob`: the name of the one that it may share. */
    async has(relay: string, wake: WakeUp, sharedJob?: string): Promise<boolean> {
      const id = wakeUpId(wake);
      const ids = [id, ...(sharedJob === undefined ? [] : [sharedJobId(sharedJob, wake)])];
      const jobs: (Job | undefined)[] = await Promise.all(queuesOf(relay).flatMap((queue) => ids.map((name) => queue.getJob(name))));
      return jobs.some((job) => job !== undefined && wakeUpsOf(job).some((its) => wakeUpId(its) === id));
    },

    /** Since when (ms since the epoch) the longest waiting dispatch of a relay waits, or undefined if none does. */
    async oldestWaitingSince(relay: string): Promise<number | undefined> {
      const found = await Promise.all([
        queueOf(relay, "first").getJobs(["waiting"], 0, 0, true),
        queueOf(relay, "rest").getJobs(["prioritized"], 0, 0, true),
      ]);
      const times = found.flat().flatMap((job) => (job ? [job.timestamp + (job.delay ?? 0)] : []));
      return times.length > 0 ? Math.min(...times) : undefined;
    },

    async close(): Promise<void> {
      await Promise.allSettled([...queues.values()].map((queue) => queue.close()));
    },
  };
}

export type Producer = ReturnType<typeof createProducer>;
