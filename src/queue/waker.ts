// Adds wake-ups in the background: nobody waits for the queue, and what does not get there is found again by upkeep.
import type { PlannedWakeUp } from "../domain/dispatching.ts";
import type { WakeUp } from "../domain/wakeUp.ts";
import type { Producer } from "./producer.ts";

export type Waker = {
  wake(planned: PlannedWakeUp[]): void;
  /** Resolves when all that was begun has ended, or after so long. */
  drained(timeoutMs: number): Promise<void>;
};

/**
 * Wake-ups of one turn of the event loop are added together.
 * @param confirm takes wake-ups that the queue has off the list of those on their way
 */
export function createWaker(producer: Pick<Producer, "wake">, confirm: (wakeUps: WakeUp[]) => Promise<void>): Waker {
  const underWay = new Set<Promise<void>>();
  let together: PlannedWakeUp[] = [];

  async function add(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    const planned = together;
    together = [];
    await producer
      .wake(planned)
      .then(confirm)
      .catch(() => undefined);
  }

  return {
    wake: (planned) => {
      if (planned.length === 0) return;
      together.push(...planned);
      if (together.length > planned.length) return;
      const added = add().finally(() => underWay.delete(added));
      underWay.add(added);
    },
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
