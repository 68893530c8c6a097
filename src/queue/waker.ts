// Adds wake-ups in the background: nobody waits for the queue, and what does not get there is found again by upkeep.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { PlannedWakeUp } from "../domain/dispatching.ts";
import type { WakeUp } from "../domain/wakeUp.ts";
import type { Producer } from "./producer.ts";

export type Waker = {
  wake(planned: readonly PlannedWakeUp[]): void;
  /** Resolves when all that was begun has ended, or after so long. */
  drained(timeoutMs: number): Promise<void>;
};

/** While wake-ups keep coming, they are added this often: a job of several costs little more than a job of one. */
const restMs = 10;

/** So many leave at once all the same: another worker may take the next ones. */
const togetherMax = 32;

/**
 * The first wake-up after a rest is added at once, with all of the same turn of the event loop; those that come within the rest after it go together.
 * @param confirm takes wake-ups that the queue has off the list of those on their way
 */
export function createWaker(producer: Pick<Producer, "wake">, confirm: (wakeUps: WakeUp[]) => Promise<void>): Waker {
  const underWay = new Set<Promise<void>>();
  let together: PlannedWakeUp[] = [];
  let restsUntil = 0;
  let endRest = () => {};

  /** Resolves when the rest is over, or enough have come. */
  async function rested(): Promise<void> {
    const leftMs = restsUntil - performance.now();
    if (leftMs <= 0 || together.length >= togetherMax) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, leftMs);
      endRest = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function add(): Promise<void> {
    await nextTurn();
    await rested();
    // Whoever is being accepted with the same job goes with them.
    for (const job of new Set(together.flatMap((it) => it.job ?? []))) {
      do {
        await job.close();
        await nextTurn();
      } while (!job.isComplete);
    }
    const goes = ({ job }: PlannedWakeUp) => !job || job.isClosed;
    const planned = together.filter(goes);
    const rest = together.filter((it) => !goes(it));
    together = [];
    restsUntil = performance.now() + restMs;
    wake(rest);
    await producer
      .wake(planned)
      .then(confirm)
      .catch(() => undefined);
  }

  function wake(planned: readonly PlannedWakeUp[]): void {
    if (planned.length === 0) return;
    together.push(...planned);
    if (together.length >= togetherMax) endRest();
    if (together.length > planned.length) return;
    const added = add().finally(() => underWay.delete(added));
    underWay.add(added);
  }

  return {
    wake,
    drained: async (timeoutMs) => {
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
      });
      await Promise.race([Promise.allSettled(underWay), patience]);
      clearTimeout(timer);
    },
  };
}
