// What the queue has to know of a dispatch to wake it: where, when and how urgently. No content, no addresses.
import type { Lane, MessageRecord, MessageState } from "./message.ts";
import type { SharedJob, WakeUp } from "./wakeUp.ts";

/** A wake-up with its place in the queues. `delayMs` is relative, so that clocks need not agree. `job`: which it may share with others. */
export type PlannedWakeUp = { wake: WakeUp; relay: string; lane: Lane; delayMs: number; retry: boolean; job?: SharedJob };

/** The wake-up of a dispatch as it now stands in the ledger. */
export function planWakeUp(record: MessageRecord, state: MessageState, dispatch: number, now: number): PlannedWakeUp | undefined {
  const it = state.dispatches[dispatch];
  if (!it) return undefined;
  return {
    wake: { messageId: record.id, dispatch, generation: it.generation },
    relay: it.relay,
    lane: record.lane,
    delayMs: Math.max(0, it.next_at - now),
    retry: it.tries + it.faults > 0,
  };
}
