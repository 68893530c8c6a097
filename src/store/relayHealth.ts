// What all processes know together of each relay: whether it works, is suspended or paused, and what went wrong last.
import type { RelayFault } from "../domain/relay.ts";
import { excusedForMs, faultsThatSuspend, healthy, type RelayHealth, suspensionsMs } from "../domain/relayHealth.ts";
import type { Connection } from "./connection.ts";
import { loadScript, runForWord, runScript } from "./scripts.ts";

const scripts = { fault: loadScript("relay-fault"), success: loadScript("relay-success"), probe: loadScript("relay-probe") };

/** Longer than the setting up of any session. */
const probeLifeMs = 60_000;

/** The health of relays. Every function rejects while Redis is away. */
export function createRelayHealth({ redis, keys, clock }: Connection) {
  async function noteFault(relay: string, fault: RelayFault, prober: string): Promise<{ suspendedForMs?: number; began: boolean }> {
    const error = JSON.stringify({ phase: fault.phase, text: fault.text, ...(fault.reply && { code: fault.reply.code }) });
    const args = [error, faultsThatSuspend, excusedForMs(fault), JSON.stringify(suspensionsMs), prober];
    const [word, forMs, began] = await runForWord(redis, scripts.fault, [keys.relayHealth(relay)], args);
    return word === "suspended" ? { suspendedForMs: Number(forMs), began: Number(began) === 1 } : { began: false };
  }

  return {
    /** The health of each of these relays, in their order. */
    async read(relays: readonly string[]): Promise<RelayHealth[]> {
      if (relays.length === 0) return [];
      const pipeline = redis.pipeline();
      for (const relay of relays) {
        pipeline.hmget(keys.relayHealth(relay), "until", "paused_at", "error", "error_at");
        pipeline.hget(keys.relayPace(relay), "slow");
      }
      const answers = (await pipeline.exec()) ?? [];
      const values = answers.map(([error, value]) => {
        if (error) throw error;
        return value;
      });
      return relays.map((_, index) => healthOf(values[2 * index] as (string | null)[], values[2 * index + 1] as string | null));
    },

    /** The relay could not be talked to. Says for how long it is now suspended, and whether this fault began it. */
    fault: (relay: string, fault: RelayFault) => noteFault(relay, fault, ""),

    /** The relay could not be talked to by the probe of this owner. */
    probeFailed: (relay: string, fault: RelayFault, owner: string) => noteFault(relay, fault, owner),

    /** The relay works. True if it was suspended until now. */
    async success(relay: string): Promise<boolean> {
      return Number(await runScript(redis, scripts.success, [keys.relayHealth(relay)], [])) === 1;
    },

    /** Whether this owner is to try the relay now: its suspension has run out, and nobody else tries it. */
    async mayProbe(relay: string, owner: string): Promise<boolean> {
      return Number(await runScript(redis, scripts.probe, [keys.relayHealth(relay)], [owner, probeLifeMs])) === 1;
    },

    /** Keeps mail off the relay until `resume`. Pausing twice is pausing once. */
    async pause(relay: string): Promise<void> {
      await redis.hsetnx(keys.relayHealth(relay), "paused_at", clock.now());
    },

    async resume(relay: string): Promise<void> {
      await redis.hdel(keys.relayHealth(relay), "paused_at");
    },
  };
}

function healthOf([until, pausedAt, error, errorAt]: (string | null)[], slow: string | null): RelayHealth {
  const isSuspended = until !== null && until !== undefined;
  const isPaused = pausedAt !== null && pausedAt !== undefined;
  if (!isSuspended && !isPaused && !error && !slow) return healthy;
  return {
    condition: isPaused ? "paused" : isSuspended ? "suspended" : "up",
    ...(isSuspended && { suspendedUntil: Number(until) }),
    ...(isPaused && { pausedAt: Number(pausedAt) }),
    ...(error && { lastError: { at: Number(errorAt), ...JSON.parse(error) } }),
    isSlowed: slow !== null,
  };
}

export type RelayHealthStore = ReturnType<typeof createRelayHealth>;
