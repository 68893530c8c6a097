// Walks everything that is open, slowly, gives a job to every dispatch that has none, and counts nothing as open that is gone: after a
// Redis that forgot, or a bug of ours.
import { planWakeUp } from "../domain/dispatching.ts";
import { isOpen } from "../domain/states.ts";
import type { UpkeepDependencies } from "./dependencies.ts";

const sliceSize = 100;

/** Compares the ledger with the queues, and the indexes of what is open with each other. Returns how much did not fit. */
export async function reconcileQueues(dependencies: UpkeepDependencies, pause: () => Promise<void>): Promise<number> {
  const { openWork } = dependencies;
  let added = 0;
  let cursor = "0";
  do {
    const slice = await openWork.scanOpen(cursor, sliceSize);
    for (const id of slice.messageIds) added += await reconcileMessage(dependencies, id);
    cursor = slice.cursor;
    if (cursor !== "0") await pause();
  } while (cursor !== "0");
  return added;
}

async function reconcileMessage({ ledger, messages, producer, lostAfterMs }: UpkeepDependencies, id: string): Promise<number> {
  const message = await messages.find(id);
  if (!message) return 0;
  const { record, state } = message;
  const now = ledger.clock.now();
  // A message this young is on its way to the queue.
  if (now - Math.max(record.created_at, ...state.recipients.map((recipient) => recipient.updated_at)) < lostAfterMs) return 0;
  const open = new Set(state.recipients.filter((recipient) => isOpen(recipient.status)).map((recipient) => recipient.dispatch));
  let added = 0;
  for (const dispatch of open) {
    const plan = planWakeUp(record, state, dispatch, now);
    if (!plan || (await producer.has(plan.relay, plan.wake, state.job))) continue;
    added += (await producer.wake([plan])).length;
  }
  return added;
}
