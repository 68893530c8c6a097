// Takes away what is no longer kept: messages themselves carry a time to live; the log and the lists are swept here.
import type { UpkeepDependencies } from "./dependencies.ts";

const sliceSize = 500;

/** Sweeps the event log, and every tenant's list of messages and suppressions that have run out. Returns how many entries went. */
export async function sweepRetention(dependencies: UpkeepDependencies, pause: () => Promise<void>): Promise<number> {
  const { ledger, messages, events, suppressions, apiKeys, messageRetentionMs } = dependencies;
  const before = ledger.clock.now() - messageRetentionMs;
  let gone = await events.trim(before);
  for (const tenant of await apiKeys.tenants()) {
    // What outlives its retention (scheduled far ahead, settled late) is stepped over, so that it keeps nothing behind it in the list.
    for (let skip = 0; ; ) {
      const swept = await messages.sweep(tenant, before, sliceSize, skip);
      gone += swept.gone;
      skip += swept.kept;
      if (swept.gone + swept.kept < sliceSize) break;
      await pause();
    }
    for (let more = true; more; ) {
      const swept = await suppressions.sweep(tenant);
      gone += swept.gone;
      more = swept.more;
      if (more) await pause();
    }
  }
  return gone;
}
