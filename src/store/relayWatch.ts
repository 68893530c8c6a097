// Each process's own picture of the relays' health, a moment old at most: what acceptance and delivery ask without a way to Redis.
import { healthy, type RelayHealth } from "../domain/relayHealth.ts";
import type { RelayHealthStore } from "./relayHealth.ts";

const everyMs = 300;

/** After this every process that can reach Redis knows of a change. */
export const knownEverywhereMs = 2 * everyMs;

export type RelayWatch = {
  /** As it was last read; a relay that nobody watches is up. */
  of(relay: string): RelayHealth;
  /** Whether mail may be given to it. */
  isUp(relay: string): boolean;
  /** Reads anew now; a failure leaves the last picture. */
  look(): Promise<void>;
  /** Calls back after every look that found a relay changed from usable to not, or back. */
  onChange(listener: (relay: string, isUp: boolean) => void): void;
  stop(): void;
};

/** Begins to watch. Resolves after the first look, which may have failed. */
export async function watchRelays(health: Pick<RelayHealthStore, "read">, relays: readonly string[]): Promise<RelayWatch> {
  const known = new Map<string, RelayHealth>();
  const listeners: ((relay: string, isUp: boolean) => void)[] = [];
  const isUp = (relay: string) => (known.get(relay) ?? healthy).condition === "up";
  async function look(): Promise<void> {
    const found = await health.read(relays).catch(() => undefined);
    if (!found) return;
    for (const [index, relay] of relays.entries()) {
      const before = isUp(relay);
      known.set(relay, found[index] ?? healthy);
      if (isUp(relay) !== before) for (const listener of listeners) listener(relay, !before);
    }
  }
  await look();
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, everyMs);
  timer.unref();
  return {
    of: (relay) => known.get(relay) ?? healthy,
    isUp,
    look,
    onChange: (listener) => void listeners.push(listener),
    stop: () => clearInterval(timer),
  };
}
