// What must happen though no job runs. One process at a time does it, under a lease; every task may be done twice without harm.
import type { Lease } from "../store/lease.ts";
import type { Log } from "../telemetry/logger.ts";
import { settleOverdue } from "./deadlines.ts";
import type { UpkeepDependencies } from "./dependencies.ts";
import { reconcileQueues } from "./reconcile.ts";
import { rerouteOrphans } from "./reroute.ts";
import { sweepRetention } from "./retention.ts";
import { rewakeUnconfirmed } from "./rewake.ts";

export type UpkeepOptions = UpkeepDependencies & {
  lease: Lease;
  log: Log;
  /** Told what a task has put right; zero is not told. */
  observe(task: string, repaired: number): void;
};

/** What is done, and how often. The first round of each comes with the lease. */
const tasks: { name: string; everyMs: number; run(dependencies: UpkeepDependencies, pause: () => Promise<void>): Promise<number> }[] = [
  { name: "deadlines", everyMs: 500, run: settleOverdue },
  { name: "lost_wake_ups", everyMs: 2_000, run: rewakeUnconfirmed },
  { name: "orphaned_relays", everyMs: 30_000, run: rerouteOrphans },
  { name: "retention", everyMs: 60_000, run: sweepRetention },
  { name: "reconciliation", everyMs: 3_600_000, run: reconcileQueues },
];

const tickMs = 250;

/** Starts doing upkeep whenever this process holds the lease. `stop` is idempotent and lets a task in progress pause first. */
export function startUpkeep(options: UpkeepOptions): { stop(): Promise<void> } {
  const { lease, log, observe } = options;
  let stopped = false;
  let wakeUp: (() => void) | undefined;
  const lastRun = new Map<string, number>();

  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  // Long tasks go in slices: between two of them the lease is renewed, and a stop gets through.
  const pause = async () => {
    await sleep(5);
    if (stopped || !(await lease.hold())) throw new Interrupted();
  };

  async function round(): Promise<void> {
    if (!(await lease.hold())) {
      lastRun.clear();
      return;
    }
    for (const task of tasks) {
      if (stopped) return;
      if (performance.now() - (lastRun.get(task.name) ?? Number.NEGATIVE_INFINITY) < task.everyMs) continue;
      const repaired = await task.run(options, pause);
      lastRun.set(task.name, performance.now());
      if (repaired > 0) observe(task.name, repaired);
    }
  }

  async function run(): Promise<void> {
    while (!stopped) {
      await round().catch((error: unknown) => {
        if (!(error instanceof Interrupted)) log.debug({ err: error }, "upkeep was interrupted; it goes on");
      });
      if (!stopped) await sleep(tickMs);
    }
    await lease.release().catch(() => undefined);
  }

  const running = run();
  return {
    stop: () => {
      stopped = true;
      wakeUp?.();
      return running;
    },
  };
}

/** A task gave way, to a stop or to another process that holds the lease now. */
class Interrupted extends Error {}
