// Puts wake-ups into the relays' queues. A job is a hint: its name is its id, and it carries nothing.
import { type ConnectionOptions, Queue } from "bullmq";
import type { PlannedWakeUp } from "../domain/dispatching.ts";
import { type WakeUp, wakeUpId } from "../domain/wakeUp.ts";
import type { Log } from "../telemetry/logger.ts";
import { priorityOf, queueName, type Track, trackOf, tracks } from "./names.ts";

export type ProducerOptions = {
  /** A client whose commands fail at once while Redis is away. */
  connection: ConnectionOptions;
  prefix: string;
  /** Redis time (ms). */
  now(): number;
  log: Log;
};

export type QueueDepth = { waiting: number; delayed: number; active: number };

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

  return {
    /** Adds wake-ups; one whose id is in the queue already is not added again. Resolves with those that the queue has. */
    async wake(planned: readonly PlannedWakeUp[]): Promise<WakeUp[]> {
      const added = await Promise.allSettled(
        planned.map(({ wake, relay, delayMs, ...urgency }) => {
          const priority = priorityOf(urgency);
          const id = wakeUpId(wake);
          return queueOf(relay, trackOf(urgency)).add("dispatch", null, {
            jobId: id,
            timestamp: now(),
            ...(delayMs > 0 && { delay: Math.ceil(delayMs) }),
            ...(priority !== undefined && { priority }),
          });
        }),
      );
      const failed = added.find((result) => result.status === "rejected");
      if (failed) log.debug({ err: failed.reason }, "a wake-up was not queued; upkeep will");
      return planned.flatMap(({ wake }, index) => (added[index]?.status === "fulfilled" ? [wake] : []));
    },

    /** Whether one of a relay's queues holds a job for this wake-up. */
    async has(relay: string, wake: WakeUp): Promise<boolean> {
      const jobs = await Promise.all(queuesOf(relay).map((queue) => queue.getJob(wakeUpId(wake))));
      return jobs.some((job) => job !== undefined);
    },

    async depth(relay: string): Promise<QueueDepth> {
      const depth = { waiting: 0, delayed: 0, active: 0 };
      for (const queue of queuesOf(relay)) {
        const counts = await queue.getJobCounts("waiting", "prioritized", "delayed", "active");
        depth.waiting += (counts.waiting ?? 0) + (counts.prioritized ?? 0);
        depth.delayed += counts.delayed ?? 0;
        depth.active += counts.active ?? 0;
      }
      return depth;
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
