// A lease on work that one process does for all.
import type { Connection } from "./connection.ts";
import { loadScript, runScript } from "./scripts.ts";

const script = loadScript("lease");

/** The lease on upkeep. `hold` takes or renews it and says whether it is held; `release` gives it back at once. */
export function createUpkeepLease({ redis, keys }: Connection, holder: string, lifeMs: number) {
  return {
    async hold(): Promise<boolean> {
      return Number(await runScript(redis, script, [keys.upkeep], [holder, lifeMs])) === 1;
    },
    async release(): Promise<void> {
      if ((await redis.get(keys.upkeep)) === holder) await redis.del(keys.upkeep);
    },
  };
}

export type Lease = ReturnType<typeof createUpkeepLease>;
