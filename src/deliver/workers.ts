// Delivery as a whole: one line for each relay, started together and drained together.
import { setMaxListeners } from "node:events";
import type { RelayConfig } from "../domain/relay.ts";
import type { Relay } from "../relay/pool.ts";
import type { ObservedAttempt } from "./deliver.ts";
import { type LineOptions, startLine } from "./line.ts";

export type DeliveryOptions = Omit<LineOptions, "config" | "observe" | "observeRedirected" | "stopping" | "abandon"> & {
  relays: readonly RelayConfig[];
  observe(relay: string, attempt: ObservedAttempt): void;
  observeRedirected(relay: string): void;
};

export type Delivery = {
  /** Each relay's connections at the moment, of this process. */
  relays(): { name: string; stats: ReturnType<Relay["stats"]> }[];
  /** Begins nothing new, lets what is under way end, and cuts it off after `graceMs`. Idempotent. */
  stop(graceMs: number): Promise<void>;
};

/** How long the last records may take when sends had to be cut off. */
const lastRecordsMs = 2_000;

/** Starts delivering for every relay of the configuration. */
export function startDelivery({ relays, observe, observeRedirected, log, ...options }: DeliveryOptions): Delivery {
  const stopping = new AbortController();
  // Every dispatch that waits for a connection listens.
  setMaxListeners(0, stopping.signal);
  const abandon = new AbortController();
  const lines = relays.map((config) =>
    startLine({
      ...{ ...options, config, stopping: stopping.signal, abandon: abandon.signal },
      log: log.child({ relay: config.name }),
      observe: (attempt) => observe(config.name, attempt),
      observeRedirected: () => observeRedirected(config.name),
    }),
  );

  let stopped: Promise<void> | undefined;
  async function stop(graceMs: number): Promise<void> {
    stopping.abort();
    const drained = Promise.all(lines.map((line) => line.drain(graceMs + lastRecordsMs)));
    const patience = setTimeout(() => {
      // Transactions end here, by the body's rule without or with doubt; both are still recorded if Redis takes it.
      for (const line of lines) void line.close(0);
      setTimeout(() => abandon.abort(), lastRecordsMs / 2).unref();
    }, graceMs);
    await drained;
    clearTimeout(patience);
    abandon.abort();
    await Promise.all(lines.map((line) => line.close(500)));
  }

  return {
    relays: () => lines.map(({ name, stats }) => ({ name, stats: stats() })),
    stop: (graceMs) => {
      stopped ??= stop(graceMs);
      return stopped;
    },
  };
}
