// Carries out the replays of past events that owners asked for.
import { setTimeout as pause } from "node:timers/promises";
import type { WebhookReplays } from "../store/webhookReplays.ts";
import type { Log } from "../telemetry/logger.ts";

export type ReplayerOptions = {
  replays: WebhookReplays;
  /** Called when deliveries were made due. */
  onDue(): void;
  pollMs: number;
  log: Log;
};

/** Between two slices, so that everybody else gets their turn at Redis. */
const betweenSlicesMs = 10;

/** Starts looking for replays; any number of processes may. `stop` resolves after the slice in hand. */
export function startReplayer({ replays, onDue, pollMs, log }: ReplayerOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const rest = (ms: number) => pause(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  let isTroubled = false;

  /** One slice of each running replay. Returns whether any can go on at once. */
  async function round(): Promise<boolean> {
    let goesOn = false;
    for (const id of await replays.running()) {
      if (stopping.signal.aborted) return false;
      const { kind, madeDue } = await replays.advance(id);
      if (madeDue > 0) onDue();
      if (kind === "more") goesOn = true;
    }
    return goesOn;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await rest((await round()) ? betweenSlicesMs : pollMs);
        isTroubled = false;
      } catch (error) {
        if (!isTroubled) log.warn({ err: error }, "webhooks: replays cannot go on for the moment");
        isTroubled = true;
        await rest(pollMs);
      }
    }
  }

  const ended = run();
  return {
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
}
