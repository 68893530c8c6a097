// How many requests a caller has made: counted over all processes, by Redis time.
import { type QuotaHolder, quotaHolders, type RequestPolicy } from "../domain/quotas.ts";
import type { Connection } from "./connection.ts";
import { loadScript, runScript } from "./scripts.ts";

/** Where one rate stands after a request. */
export type Standing = { policy: RequestPolicy; remaining: number; freeInMs: number };

const takeRequest = loadScript("take-request");

export function createRequestRates({ redis, keys }: Connection) {
  return {
    /**
     * Counts one request against all of these rates, or against none of them if one has no room.
     * @returns `waitMs`: after which time there is room for it; 0 if it was counted
     */
    async take(ids: Record<QuotaHolder, string>, policies: readonly RequestPolicy[]): Promise<{ waitMs: number; standings: Standing[] }> {
      const answer = await runScript(
        redis,
        takeRequest,
        quotaHolders.map((holder) => keys.requests(holder, ids[holder])),
        policies.flatMap(({ holder, rate }) => [quotaHolders.indexOf(holder) + 1, rate.count, rate.perMs]),
      );
      const [waitMs = 0, ...numbers] = (answer as unknown[]).map(Number);
      const standings = policies.map((policy, index) => ({
        policy,
        remaining: numbers[2 * index] ?? 0,
        freeInMs: numbers[2 * index + 1] ?? 0,
      }));
      return { waitMs, standings };
    },
  };
}

export type RequestRates = ReturnType<typeof createRequestRates>;
