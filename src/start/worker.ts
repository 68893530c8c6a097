// The role `worker`: delivery, upkeep and webhooks, under one owner's lease.
import { startDelivery } from "../deliver/workers.ts";
import { idOf } from "../domain/ids.ts";
import { startNotify } from "../notify/notify.ts";
import { createUpkeepLease } from "../store/lease.ts";
import { forgetOwners, startOwner } from "../store/owner.ts";
import { startUpkeep } from "../upkeep/upkeep.ts";
import { observeAttempt } from "./observe.ts";
import type { Parts } from "./parts.ts";
import type { OnStop } from "./unwinding.ts";

/** How long sends under way may take to end after a stop; the whole stop stays below the 30 s that orchestrators give by default. */
const drainMs = 20_000;
const upkeepLeaseMs = 15_000;
/** A wake-up that long on its way to the queue is lost: whoever was to add it got no answer, or is gone. */
const lostWakeUpMs = 3_000;

/** Starts working on what is due. */
export async function startWorker(parts: Parts, onStop: OnStop) {
  const { config, connection, ledger, openWork, messages, events, apiKeys, producer, wake, metrics, log, prefix } = parts;
  const { relays, routes } = parts.paths;
  // An embedded Redis serves one process: whoever owned something in it is gone, and need not be waited for.
  if (config.redis.kind === "embedded") await forgetOwners(connection);
  const owner = await startOwner(connection, parts.target, idOf("own", parts.newUuid()), config.timeouts.ownerLease);
  onStop(() => owner.retire());

  const notify = startNotify({
    ...{ connection, messages, log, metrics, version: parts.version },
    settings: { retentionMs: config.retention.messageMs, targets: parts.webhookTargets },
  });
  onStop(() => notify.stop());

  const upkeep = startUpkeep({
    ...{ ledger, openWork, messages, events, apiKeys, producer, routes, log },
    lease: createUpkeepLease(connection, owner.id, upkeepLeaseMs),
    relays: relays.map((relay) => relay.name),
    messageRetentionMs: config.retention.messageMs,
    lostAfterMs: lostWakeUpMs,
    observe: (repair, count) => {
      metrics.upkeepRepairs.inc({ repair }, count);
      if (repair !== "retention") log.info({ repair, count }, "upkeep put something right");
    },
  });
  onStop(() => upkeep.stop());

  const client = connection.client("patient");
  onStop(async () => client.disconnect());
  const delivery = startDelivery({
    ...{ relays, timeouts: config.timeouts, ledger, owner, wake, log },
    scheduleMs: config.retry.scheduleMs,
    queue: { connection: client, prefix },
    observe: (relay, attempt) => observeAttempt(metrics, relay, attempt),
  });
  onStop(() => delivery.stop(drainMs));
  return { owner, delivery };
}
