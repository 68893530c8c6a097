// Delivery as a whole: one pool and one consumer for each relay, started together and drained together.
import { setMaxListeners } from "node:events";
import type { PlannedWakeUp } from "../domain/dispatching.ts";
import type { RelayConfig, Timeouts } from "../domain/relay.ts";
import { type ConsumerOptions, consume } from "../queue/consumer.ts";
import { openRelay, type Relay } from "../relay/pool.ts";
import type { Ledger } from "../store/ledger.ts";
import type { Owner } from "../store/owner.ts";
import type { Log } from "../telemetry/logger.ts";
import { deliver, type ObservedAttempt } from "./deliver.ts";

export type DeliveryOptions = {
  relays: readonly RelayConfig[];
  timeouts: Timeouts;
  scheduleMs: readonly number[];
  ledger: Ledger;
  owner: Owner;
  queue: Pick<ConsumerOptions, "connection" | "prefix">;
  wake(planned: PlannedWakeUp[]): void;
  observe(relay: string, attempt: ObservedAttempt): void;
  log: Log;
};

export type Delivery = {
  /** Each relay's connections at the moment. */
  relays(): { name: string; stats: ReturnType<Relay["stats"]> }[];
  /** Begins nothing new, lets what is under way end, and cuts it off after `graceMs`. Idempotent. */
  stop(graceMs: number): Promise<void>;
};

/** Long enough that a busy event loop renews its locks in time. Losing one is harmless: the ledger says that the dispatch is busy. */
const lockMsMax = 10_000;

/** How long the last records may take when sends had to be cut off. */
const lastRecordsMs = 2_000;

/** Starts delivering for every relay of the configuration. */
export function startDelivery({ relays, timeouts, scheduleMs, ledger, owner, queue, wake, observe, log }: DeliveryOptions): Delivery {
  const stopping = new AbortController();
  // Every dispatch that waits for a connection listens.
  setMaxListeners(0, stopping.signal);
  const abandon = new AbortController();
  const lines = relays.map((config) => {
    const relayLog = log.child({ relay: config.name });
    const relay = openRelay({ config, timeouts, log: relayLog });
    const dependencies = {
      ledger,
      owner,
      relay,
      relayName: config.name,
      scheduleMs,
      wake,
      observe: (attempt: ObservedAttempt) => observe(config.name, attempt),
      stopping: stopping.signal,
      abandon: abandon.signal,
      log: relayLog,
    };
    const consumer = consume({
      ...queue,
      relay: config.name,
      // While one attempt is being recorded, its connection already serves the next.
      concurrency: config.connections + Math.min(config.connections, 10),
      // Before the lease ends nobody may go on with what a dead worker had claimed; what it had not claimed need not wait for that.
      lockMs: Math.min(timeouts.ownerLease / 2, lockMsMax),
      now: ledger.clock.now,
      log: relayLog,
      handle: (wakeUp) => deliver(dependencies, wakeUp),
    });
    return { name: config.name, relay, consumer };
  });

  let stopped: Promise<void> | undefined;
  async function stop(graceMs: number): Promise<void> {
    stopping.abort();
    const drained = Promise.all(lines.map(({ consumer }) => consumer.stop(graceMs + lastRecordsMs)));
    const patience = setTimeout(() => {
      // Transactions end here, by the body's rule without or with doubt; both are still recorded if Redis takes it.
      for (const { relay } of lines) void relay.close(0);
      setTimeout(() => abandon.abort(), lastRecordsMs / 2).unref();
    }, graceMs);
    await drained;
    clearTimeout(patience);
    abandon.abort();
    await Promise.all(lines.map(({ relay }) => relay.close(500)));
  }

  return {
    relays: () => lines.map(({ name, relay }) => ({ name, stats: relay.stats() })),
    stop: (graceMs) => {
      stopped ??= stop(graceMs);
      return stopped;
    },
  };
}
