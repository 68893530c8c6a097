// The role `worker`: delivery, upkeep and webhooks, under one owner's lease.
import { traceAttempts } from "../deliver/traced.ts";
import { startDelivery } from "../deliver/workers.ts";
import { relaysThatTake } from "../domain/dispatchPlan.ts";
import { idOf } from "../domain/ids.ts";
import type { RelayConfig } from "../domain/relay.ts";
import { relaysFor } from "../domain/routes.ts";
import { startNotify } from "../notify/notify.ts";
import { createDkimSigner } from "../relay/dkim.ts";
import type { SessionParts } from "../relay/pool.ts";
import { createUpkeepLease } from "../store/lease.ts";
import { forgetOwners, startOwner } from "../store/owner.ts";
import { createTokenShelf } from "../store/relayTokens.ts";
import { startUpkeep } from "../upkeep/upkeep.ts";
import { observeAttempt } from "./observe.ts";
import type { Parts } from "./parts.ts";
import { startReports } from "./reporting.ts";
import type { OnStop } from "./unwinding.ts";

/** How long sends under way may take to end after a stop; the whole stop stays below the 30 s that orchestrators give by default. */
const drainMs = 18_000;
/** Deadlines wait for so long at most when the process that looks after them dies. Two that do upkeep at once do no harm. */
const upkeepLeaseMs = 5_000;
/** A wake-up that long on its way to the queue is lost: whoever was to add it got no answer, or is gone. */
const lostWakeUpMs = 3_000;

/** Starts working on what is due. */
export async function startWorker(parts: Parts, onStop: OnStop) {
  const {
    config,
    connection,
    ledger,
    openWork,
    messages,
    events,
    stats,
    suppressions,
    apiKeys,
    producer,
    wake,
    metrics,
    tracing,
    log,
    prefix,
    routing,
  } = parts;
  const { relays } = parts.paths;
  // An embedded Redis serves one process: whoever owned something in it is gone, and need not be waited for.
  if (config.redis.kind === "embedded") {
    await forgetOwners(connection);
    await parts.relayPermits.forgetShares(relays.map(({ name }) => name));
  }
  const owner = await startOwner(connection, parts.target, idOf("own", parts.newUuid()), config.timeouts.ownerLease);
  onStop(() => owner.retire());

  const notify = startNotify({
    ...{ connection, messages, log, metrics, tracing, version: parts.version },
    settings: {
      retentionMs: config.retention.messageMs,
      targets: parts.webhookTargets,
      tuning: {
        timeoutMs: config.webhooks.timeoutMs,
        // Nobody may try again what somebody still tries.
        leaseMs: 2 * config.webhooks.timeoutMs,
        // Who is not heard of for so long is dead, here as in delivery.
        takeOverMs: config.timeouts.ownerLease,
      },
    },
  });
  onStop(() => notify.stop());

  const upkeep = startUpkeep({
    ...{ ledger, openWork, messages, events, stats, suppressions, apiKeys, producer, log, ...routing },
    lease: createUpkeepLease(connection, owner.id, upkeepLeaseMs),
    messageRetentionMs: config.retention.messageMs,
    lostAfterMs: lostWakeUpMs,
    observe: (repair, count) => {
      metrics.upkeepRepairs.inc({ repair }, count);
      if (repair !== "retention") log.info({ repair, count }, "upkeep put something right");
    },
  });
  onStop(() => upkeep.stop());

  const listener = await startReports(parts, onStop);
  if (listener) parts.paths.reportTo(listener);

  const traceAttempt = tracing && traceAttempts(tracing, relays);
  const client = connection.client("patient");
  onStop(async () => client.disconnect());
  const delivery = startDelivery({
    ...{ relays, timeouts: config.timeouts, ledger, messages, owner, openWork, wake, log },
    ...{ health: parts.relayHealth, permits: parts.relayPermits, watch: parts.relayWatch },
    relaysFor: ({ record }, recipient) =>
      relaysThatTake(relaysFor(routing.routes, record, record.recipients[recipient]?.address ?? "")?.relays ?? [], record.size, routing),
    hasAlternatives: (relay) => routing.routes.some((route) => route.relays.length > 1 && route.relays.includes(relay)),
    scheduleMs: config.retry.scheduleMs,
    sessionParts: sessionPartsOf(parts),
    queue: { connection: client, prefix },
    observe: (relay, attempt) => {
      observeAttempt(metrics, relay, attempt);
      traceAttempt?.(relay, attempt);
    },
    observeRedirected: (relay) => metrics.relayRedirected.inc({ relay }),
  });
  onStop(() => delivery.stop(drainMs));
  return { owner, delivery, listener };
}

/** Signing by the configured keys, and one store of tokens for all workers. */
function sessionPartsOf({ config, connection }: Parts): (relay: RelayConfig) => SessionParts {
  const sign = config.dkim.length > 0 ? createDkimSigner({ keys: config.dkim }) : undefined;
  return ({ auth }) => ({ sign, tokenShelf: auth?.token && createTokenShelf(connection, auth) });
}
