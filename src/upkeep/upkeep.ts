// What must happen though no job runs. One process at a time does it, under a lease; every task may be done twice without harm.
import type { Lease } from "../store/lease.ts";
import type { Log } from "../telemetry/logger.ts";
import { settleOverdue } from "./deadlines.ts";
import type { UpkeepDependencies } from "./dependencies.ts";
import { reconcileQueues } from "./reconcile.ts";
import { rerouteOrphans } from "./reroute.ts";
import { sweepRetention } from "./retention.ts";
import { rewakeUnconfirmed } from "./rewake.ts";
import { countEvents } from "./statistics.ts";

export type UpkeepOptions = UpkeepDependencies & {
  lease: Lease;
  log: Log;
  /** Told what a task has put right; zero is not told. */
  observe(task: string, repaired: number): void;
};

type Task = { name: string; everyMs: number; run(dependencies: UpkeepDependencies, pause: () => Promise<void>): Promise<number> };

/** What is done, and how long after its last end. Each goes on its own, so that a walk over everything delays no deadline. */
const tasks: readonly Task[] = [
  { name: "deadlines", everyMs: 500, run: settleOverdue },
  { name: "statistics", everyMs: 1_000, run: countEvents },
  { name: "lost_wake_ups", everyMs: 2_000, run: rewakeUnconfirmed },
  { name: "orphaned_relays", everyMs: 30_000, run: rerouteOrphans },
  { name: "retention", everyMs: 60_000, run: sweepRetention },
  { name: "reconciliation", everyMs: 3_600_000, run: reconcileQueues },
];

/** How often the lease is renewed, or asked for. */
const leaseEveryMs = 500;
/** A task that was cut short comes again after this at the latest. */
const afterFailureMs = 10_000;
/** What a long task leaves to others between two slices. */
const sliceGapMs = 5;

/** Starts doing upkeep whenever this process holds the lease. `stop` is idempotent and lets a slice in progress end. */
export function startUpkeep(options: UpkeepOptions): { stop(): Promise<void> } {
  const { lease, log, observe } = options;
  const clock = createClock();
  let held = false;

  async function keepLease(): Promise<void> {
    while (!clock.stopped()) {
      held = await lease.hold().catch(() => false);
      await clock.sleep(leaseEveryMs);
    }
    held = false;
    await lease.release().catch(() => undefined);
  }

  const pause = async () => {
    await clock.sleep(sliceGapMs);
    if (!held || clock.stopped()) throw new Interrupted();
  };

  /** Runs a task once; returns after how long it comes next. */
  async function once({ name, everyMs, run }: Task): Promise<number> {
    try {
      const repaired = await run(options, pause);
      if (repaired > 0) observe(name, repaired);
      return everyMs;
    } catch (error) {
      if (!(error instanceof Interrupted)) log.debug({ err: error, task: name }, "upkeep was interrupted; it goes on");
      return Math.min(everyMs, afterFailureMs);
    }
  }

  async function repeat(task: Task): Promise<void> {
    // Without the lease a task waits close by, so that it begins as soon as this process gets it.
    while (!clock.stopped()) await clock.sleep(held ? await once(task) : leaseEveryMs);
  }

  const running = Promise.all([keepLease(), ...tasks.map(repeat)]);
  return {
    stop: async () => {
      clock.stop();
      await running;
    },
  };
}

/** A task gave way, to a stop or to another process that holds the lease now. */
class Interrupted extends Error {}

/** Sleeps that a stop ends at once. */
function createClock() {
  const sleepers = new Set<() => void>();
  let stopped = false;
  return {
    stopped: () => stopped,
    sleep: (ms: number) =>
      new Promise<void>((resolve) => {
        if (stopped) return resolve();
        const wake = () => {
          clearTimeout(timer);
          sleepers.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        sleepers.add(wake);
      }),
    stop: () => {
      stopped = true;
      for (const wake of [...sleepers]) wake();
    },
  };
}
