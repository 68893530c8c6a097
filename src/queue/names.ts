// The queues' names and the urgency of what is in them.
import type { PlannedWakeUp } from "../domain/dispatching.ts";

/**
 * Two queues a relay, so that a slow relay holds up only its own mail, and nothing that waits for a permit stands before a first
 * attempt of the transactional lane: that has the queue `first` to itself, all else is in `rest`.
 */
export const tracks = ["first", "rest"] as const;
export type Track = (typeof tracks)[number];

/** A relay's name has no dot, so no two queues share a name. */
export function queueName(relay: string, track: Track): string {
  return track === "first" ? `relay-${relay}` : `relay-${relay}.rest`;
}

type Urgency = Pick<PlannedWakeUp, "lane" | "retry">;

export function trackOf({ lane, retry }: Urgency): Track {
  return lane === "transactional" && !retry ? "first" : "rest";
}

/** BullMQ priorities within a queue: the lower number comes first; undefined where all are alike. */
export function priorityOf({ lane, retry }: Urgency): number | undefined {
  if (lane === "transactional") return retry ? 10 : undefined;
  return retry ? 200 : 100;
}
