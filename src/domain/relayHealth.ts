// Whether a relay takes mail at the moment, as all workers together know it.
import type { Phase, RelayFault } from "./relay.ts";

/** `up`: it is used. `suspended`: it could not be talked to; a probe will find out when it can. `paused`: an operator said so. */
export type RelayCondition = "up" | "suspended" | "paused";

/** Times in milliseconds since the epoch. */
export type RelayHealth = {
  condition: RelayCondition;
  /** When the next probe is due, where the relay is suspended. */
  suspendedUntil?: number;
  pausedAt?: number;
  /** What went wrong last, which need not be so any more. */
  lastError?: { at: number; phase: Phase; text: string; code?: number };
  /** It asked to be sent to more slowly, and may not be back at its own pace yet. */
  isSlowed: boolean;
};

export const healthy: RelayHealth = { condition: "up", isSlowed: false };

/** So many faults in a row, with no success between them, are no accident. */
export const faultsThatSuspend = 3;

/** How long a suspension lasts before the relay is tried again, by how many there were in a row; the last repeats. */
export const suspensionsMs: readonly number[] = [1_000, 2_000, 5_000, 10_000, 20_000, 30_000];

/** While mail still goes through, a relay that turns further connections away is busy, not broken. */
const excuseMs = 10_000;

/** For how long a success excuses this fault, in milliseconds. 0: a fault is a fault. */
export function excusedForMs({ reply }: RelayFault): number {
  return reply !== undefined && reply.code >= 400 && reply.code < 500 ? excuseMs : 0;
}
