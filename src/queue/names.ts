// The queues' names and the urgency of what is in them.
import type { PlannedWakeUp } from "../domain/dispatching.ts";

/** One queue a relay, so that a slow relay holds up only its own mail. */
export function queueName(relay: string): string {
  return `relay-${relay}`;
}

/**
 * BullMQ priorities: undefined is the fast path before all others, then the lower number comes first.
 * A first attempt of the transactional lane never waits behind anything else.
 */
export function priorityOf({ lane, retry }: Pick<PlannedWakeUp, "lane" | "retry">): number | undefined {
  if (lane === "transactional") return retry ? 10 : undefined;
  return retry ? 200 : 100;
}
