// The relays as operators see them: what the fleet knows of each, and what waits for it.
import type { Delivery } from "../deliver/workers.ts";
import { healthy } from "../domain/relayHealth.ts";
import type { RelayStatus } from "../http/dependencies.ts";
import type { Parts } from "./parts.ts";

/** All relays in the order of the configuration. Rejects while Redis is away. `delivery`: of this process, where it delivers too. */
export async function relayStatuses(parts: Parts, delivery: Delivery | undefined): Promise<RelayStatus[]> {
  const { paths, producer, openWork, relayHealth, relayPermits, stats: counts } = parts;
  const stats = new Map(delivery?.relays().map((it) => [it.name, it.stats]));
  const names = paths.relays.map(({ name }) => name);
  const [healths, attempts] = await Promise.all([relayHealth.read(names), counts.attemptsInLastMinute(names)]);
  return Promise.all(
    paths.relays.map(async ({ name, host, port, tls, connections, limits }, index) => ({
      ...{ name, host, port, tls },
      health: healths[index] ?? healthy,
      slowIntervalMs: (await relayPermits.slowInterval(name)) ?? null,
      connections: {
        allowed: connections,
        held: await relayPermits.held(name),
        open: stats.get(name)?.open ?? null,
        busy: stats.get(name)?.busy ?? null,
      },
      rates: limits?.rates ?? [],
      attemptsLastMinute: attempts[index] ?? 0,
      queue: await openWork.depth(name),
      oldest_waiting_at: (await producer.oldestWaitingSince(name)) ?? null,
    })),
  );
}
