// What a relay takes, counted over all workers: places in time (rates), and shares of what can only be held (connections).
import type { Connection } from "./connection.ts";
import { loadScript, runForWord, runScript } from "./scripts.ts";

const scripts = {
  book: loadScript("relay-book"),
  park: loadScript("relay-park"),
  slow: loadScript("relay-slow"),
  share: loadScript("relay-share"),
};

/** An even pace: a message every `intervalMs`, and up to `toleranceMs` ahead of it after a pause. `field` names it among the relay's. */
export type PaceLimit = { field: string; intervalMs: number; toleranceMs: number };

/** At most so many messages until `endsInMs` from now. `field` names the count. */
export type Ceiling = { field: string; max: number; endsInMs: number };

export type Booking =
  /** One entry a place: milliseconds from `at` (Redis time) until it comes. */
  | { kind: "booked"; at: number; waitsMs: number[] }
  /** `ceiling`: nothing more before then, at any pace. */
  | { kind: "later"; inMs: number; because: "pace" | "ceiling" };

/** No relay is slowed down further than to one message in so many milliseconds. */
const slowestIntervalMs = 10_000;

/** Permits of relays. Every function rejects while Redis is away. */
export function createRelayPermits({ redis, keys }: Connection) {
  return {
    /**
     * Books up to `count` places that hold all limits at once and lie no further ahead than `horizonMs`. A place that is not used is lost.
     * @param options.heedsSlowDown whether the slow-down that the relay asked for counts too
     */
    async book(
      relay: string,
      options: { limits: readonly PaceLimit[]; count: number; horizonMs: number; ceiling?: Ceiling; heedsSlowDown: boolean },
    ): Promise<Booking> {
      const { limits, count, horizonMs, ceiling, heedsSlowDown } = options;
      const [word, ...rest] = await runForWord(
        redis,
        scripts.book,
        [keys.relayPace(relay)],
        [
          JSON.stringify(limits.map(({ field, intervalMs, toleranceMs }) => ({ field, interval: intervalMs, tolerance: toleranceMs }))),
          count,
          horizonMs,
          ceiling ? JSON.stringify({ field: ceiling.field, max: ceiling.max, ends_in: ceiling.endsInMs }) : "",
          heedsSlowDown ? "1" : "",
        ],
      );
      if (word === "booked") return { kind: "booked", at: Number(rest[0]), waitsMs: rest.slice(1).map(Number) };
      return { kind: "later", inMs: Number(rest[0]), because: rest[1]?.toString() === "ceiling" ? "ceiling" : "pace" };
    },

    /** When a dispatch that found no place asks again, in milliseconds from now; each one later than the one before. */
    async park(relay: string, limit: { field: string; intervalMs: number }, between: { minMs: number; maxMs: number }): Promise<number> {
      const args = [`park ${limit.field}`, limit.intervalMs, between.minMs, between.maxMs];
      return Number(await runScript(redis, scripts.park, [keys.relayPace(relay)], args));
    },

    /**
     * Halves the relay's rate, once a second at most; it comes back by itself. Returns the interval now in force (ms a message).
     * @param nowMs the interval at which it is sent to now, should it not be slowed down yet
     */
    async slowDown(relay: string, nowMs: number): Promise<number> {
      return Number(await runScript(redis, scripts.slow, [keys.relayPace(relay)], [nowMs, slowestIntervalMs, ""]));
    },

    /** The interval that the relay is slowed down to at the moment (ms a message), or undefined. */
    async slowInterval(relay: string): Promise<number | undefined> {
      const interval = Number(await runScript(redis, scripts.slow, [keys.relayPace(relay)], [0, slowestIntervalMs, "1"]));
      return interval > 0 ? interval : undefined;
    },

    /** Says how many of the relay's connections (or of those to one domain) an owner holds and wants; returns how many it may hold. */
    async share(
      of: { relay: string; domain?: string; limit: number; leaseMs: number; owner: string },
      held: number,
      wanted: number,
    ): Promise<number> {
      const key = keys.relayShare(of.relay, of.domain);
      return Number(await runScript(redis, scripts.share, [key], [of.owner, held, wanted, of.limit, of.leaseMs]));
    },

    /** How many connections of a relay are held by all workers together, as far as they were heard of. */
    async held(relay: string): Promise<number> {
      const shares = await redis.hvals(keys.relayShare(relay));
      return shares.reduce((sum, share) => sum + Number(share.split(" ")[0]), 0);
    },

    /** Forgets every share of these relays: for a process that is known to be alone on this Redis. */
    async forgetShares(relays: readonly string[]): Promise<void> {
      if (relays.length > 0) await redis.del(...relays.map((relay) => keys.relayShare(relay)));
    },
  };
}

export type RelayPermits = ReturnType<typeof createRelayPermits>;
