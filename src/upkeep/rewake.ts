// Puts wake-ups into the queue that were noted, but that no queue has confirmed: their process died, or Redis was away.
import { planWakeUp } from "../domain/dispatching.ts";
import type { WakeUp } from "../domain/wakeUp.ts";
import type { UpkeepDependencies } from "./dependencies.ts";

const sliceSize = 200;

/** Adds lost wake-ups again. Returns how many. */
export async function rewakeUnconfirmed(dependencies: UpkeepDependencies, pause: () => Promise<void>): Promise<number> {
  const { openWork, producer, lostAfterMs } = dependencies;
  let added = 0;
  for (;;) {
    const wakeUps = await openWork.unconfirmed(lostAfterMs, sliceSize);
    const plans = await Promise.all(wakeUps.map((wake) => currentPlan(dependencies, wake)));
    const due = plans.flatMap((plan) => plan ?? []);
    const confirmed = await producer.wake(due);
    const stale = wakeUps.filter((_, index) => plans[index] === undefined);
    await openWork.confirm([...confirmed, ...stale]);
    added += confirmed.length;
    if (wakeUps.length < sliceSize || confirmed.length + stale.length === 0) return added;
    await pause();
  }
}

/** The plan for a wake-up as the ledger has it now, or undefined if it is stale. */
async function currentPlan({ ledger, messages }: UpkeepDependencies, wake: WakeUp) {
  const message = await messages.find(wake.messageId);
  if (message?.state.dispatches[wake.dispatch]?.generation !== wake.generation) return undefined;
  return planWakeUp(message.record, message.state, wake.dispatch, ledger.clock.now());
}
