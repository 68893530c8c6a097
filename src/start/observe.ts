// What the metrics are told: outcomes as they are recorded, and the gauges when somebody asks.

import type { ObservedAttempt } from "../deliver/deliver.ts";
import type { Delivery } from "../deliver/workers.ts";
import { countOwners } from "../store/owner.ts";
import { eventBacklog } from "../store/webhookFanOut.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Parts } from "./parts.ts";

/** Counts one attempt. What it settled is counted off the event log, where upkeep's and the callers' ends stand too. */
export function observeAttempt(metrics: Metrics, relay: string, { claim, outcomes, judgement, durationMs }: ObservedAttempt): void {
  metrics.attemptDuration.observe({ relay }, durationMs / 1000);
  for (const outcome of new Set(outcomes.map((it) => it.kind))) metrics.attempts.inc({ relay, outcome });
  const { record, state, now } = claim;
  const since = state.send_at ?? record.created_at;
  for (const { kind } of judgement.outcomes) {
    if (kind === "sent") metrics.timeToSent.observe({ lane: record.lane }, Math.max(0, now + durationMs - since) / 1000);
  }
}

/** Sets every gauge to what is so now. While Redis is away only that is said. */
export async function collectGauges(
  { metrics, producer, openWork, paths, connection, relayWatch, relayPermits, reports, memory, durability, config, log }: Parts,
  delivery: Delivery | undefined,
): Promise<void> {
  for (const { name, stats } of delivery?.relays() ?? []) {
    metrics.relayConnections.set({ relay: name, state: "busy" }, stats.busy);
    metrics.relayConnections.set({ relay: name, state: "idle" }, stats.open - stats.busy);
  }
  const kept = durability().kind;
  for (const kind of ["durable", "weak", "unknown"] as const) metrics.redisDurability.set({ kind }, kind === kept ? 1 : 0);
  metrics.redisMemoryUsed.set(memory.usage()?.usedBytes ?? 0);
  metrics.redisMemoryLimit.set(memory.usage()?.limitBytes ?? 0);
  try {
    metrics.workers.set(await countOwners(connection, config.timeouts.ownerLease));
    metrics.eventLogBacklog.set(await eventBacklog(connection));
    metrics.reportsPending.set(await reports.pending());
    for (const { name } of paths.relays) {
      metrics.relayUp.set({ relay: name }, relayWatch.isUp(name) ? 1 : 0);
      metrics.relayPaused.set({ relay: name }, relayWatch.of(name).condition === "paused" ? 1 : 0);
      metrics.relayHeldConnections.set({ relay: name }, await relayPermits.held(name));
      const depth = await openWork.depth(name);
      for (const [state, count] of Object.entries(depth)) metrics.queueDepth.set({ relay: name, state }, count);
      const since = await producer.oldestWaitingSince(name);
      metrics.oldestWaiting.set({ relay: name }, since === undefined ? 0 : Math.max(0, connection.clock.now() - since) / 1000);
    }
    metrics.redisUp.set(1);
  } catch (error) {
    log.debug({ err: error }, "gauges could not be collected");
    metrics.redisUp.set(0);
  }
}
