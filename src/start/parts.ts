// What both roles stand on: the connection to Redis and everything that is built on it without starting to work.
import { randomFillSync } from "node:crypto";
import { linkLifeMs } from "../accept/unsubscribeLinks.ts";
import { createSnsFetcher } from "../bounces/providers/snsFetch.ts";
import type { Config } from "../config.ts";
import { notificationProviders } from "../domain/notification.ts";
import type { RedisTarget } from "../domain/redisTarget.ts";
import { createUuids } from "../domain/uuids.ts";
import type { WebhookTargets } from "../domain/webhookUrl.ts";
import { createProducer } from "../queue/producer.ts";
import { createWaker } from "../queue/waker.ts";
import { guardAcceptance } from "../store/acceptance.ts";
import { createApiKeys } from "../store/apiKeys.ts";
import { openBarrier } from "../store/barrier.ts";
import { connect } from "../store/connection.ts";
import { checkDurability, type Durability } from "../store/durability.ts";
import { createEvents } from "../store/events.ts";
import { createIdempotency } from "../store/idempotency.ts";
import { queuePrefix } from "../store/keys.ts";
import { createLedger } from "../store/ledger.ts";
import { watchMemory } from "../store/memory.ts";
import { createMessages } from "../store/messages.ts";
import { createOpenWork } from "../store/openWork.ts";
import { createRelayHealth } from "../store/relayHealth.ts";
import { createRelayPermits } from "../store/relayPermits.ts";
import { watchRelays } from "../store/relayWatch.ts";
import { createRequestRates } from "../store/requestRates.ts";
import { createRestate } from "../store/restate.ts";
import { createStats } from "../store/stats.ts";
import { createSuppressions } from "../store/suppressions.ts";
import { createUnsubscribes } from "../store/unsubscribes.ts";
import { createWebhookDeliveries } from "../store/webhookDeliveries.ts";
import { createWebhookReplays } from "../store/webhookReplays.ts";
import { createWebhooks } from "../store/webhooks.ts";
import { createWitness } from "../store/witness.ts";
import type { Log } from "../telemetry/logger.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { type OutwardPaths, routingOf } from "./outwardPaths.ts";
import { openReporting } from "./reporting.ts";
import type { OnStop } from "./unwinding.ts";
import { watchForLoss } from "./wentBack.ts";

/** An embedded Redis or a fresh network may take a moment. */
const redisPatienceMs = 15_000;

export type PartsInput = {
  config: Config;
  target: RedisTarget;
  log: Log;
  version: string;
  /** Absent where nobody collects traces. */
  tracing: Tracing | undefined;
  paths: OutwardPaths;
};

/** Opens the store and the queues. Rejects if Redis does not answer. */
export async function openParts({ config, target, log, version, tracing, paths }: PartsInput, onStop: OnStop) {
  const connection = await connect(target, log, redisPatienceMs);
  onStop(() => connection.close());
  const found = await checkDurability(connection);
  for (const problem of found.problems) log.warn({ durability: found.kind }, problem);
  // Only who accepts mail waits for it to be safe.
  const barrier = config.durability && config.role !== "worker" ? await openBarrier(connection, config.durability) : undefined;
  onStop(async () => barrier?.stop());

  const metrics = createMetrics({ version });
  const witness = createWitness(connection, { keepMs: config.retention.messageMs });
  const ledger = createLedger(connection, {
    witness,
    retention: config.retention,
    // Past the whole attempt and the last reply's own limit nobody can still be at work on it.
    suppression: config.suppression,
    notifiedBy: notificationProviders.filter((provider) => config.inbound[provider] !== undefined),
    leases: { ownerMs: config.timeouts.ownerLease, attemptMs: config.timeouts.attempt + config.timeouts.afterDot },
  });
  const loss = watchForLoss({ connection, witness, restate: createRestate(connection, config.retention), metrics, log });
  onStop(async () => loss.stop());
  const memory = await watchMemory(connection, log);
  onStop(async () => memory.stop());
  const idempotency = createIdempotency(connection);
  const acceptance = guardAcceptance({ ledger, idempotency }, { memory, barrier });
  /** As it is now: weak too where writes are not confirmed, or were lost. */
  const durability = (): Durability => {
    const more = [...(barrier?.holds() === false ? [barrier.shortcoming()] : []), ...loss.problems()];
    return more.length === 0 ? found : { kind: "weak", problems: [...found.problems, ...more] };
  };

  const openWork = createOpenWork(connection);
  const prefix = queuePrefix(0);
  const client = connection.client("hasty");
  onStop(async () => client.disconnect());
  const producer = createProducer({ connection: client, prefix, now: connection.clock.now, log });
  onStop(() => producer.close());
  const waker = createWaker(producer, (wakeUps) => openWork.confirm(wakeUps));
  onStop(() => waker.drained(2_000));

  const messages = createMessages(connection);
  const apiKeys = createApiKeys(connection);
  const sns = createSnsFetcher();
  onStop(() => sns.close());
  const { fetchFromSns } = sns;
  const reporting = await openReporting({ config, connection, messages, apiKeys, metrics, log, fetchFromSns }, onStop);
  const relayHealth = createRelayHealth(connection);
  const relayWatch = await watchRelays(
    relayHealth,
    paths.relays.map(({ name }) => name),
  );
  onStop(async () => relayWatch.stop());

  return {
    config,
    target,
    log,
    version,
    tracing,
    paths,
    connection,
    durability,
    memory,
    ledger,
    acceptance,
    openWork,
    prefix,
    producer,
    wake: waker.wake,
    /** What acceptance, delivery and upkeep go by when they choose a relay. */
    routing: { ...routingOf(paths), available: relayWatch.isUp },
    relayHealth,
    relayPermits: createRelayPermits(connection),
    relayWatch,
    messages,
    ...reporting,
    events: createEvents(connection),
    apiKeys,
    idempotency: { ...idempotency, ...acceptance.idempotency },
    stats: createStats(connection),
    requestRates: createRequestRates(connection),
    suppressions: createSuppressions(connection),
    unsubscribes: createUnsubscribes(connection, { linkLifeMs }),
    webhooks: createWebhooks(connection),
    webhookDeliveries: createWebhookDeliveries(connection, { retentionMs: config.retention.messageMs }),
    webhookReplays: createWebhookReplays(connection, { retentionMs: config.retention.messageMs }),
    webhookTargets: targetsOf(config),
    metrics,
    // The ids of one millisecond keep their order.
    newUuid: createUuids({ fillRandom: randomFillSync, now: Date.now }),
  };
}

/** Which addresses webhooks may point at. */
function targetsOf(config: Config): WebhookTargets {
  if (config.webhooks.allowPrivate) return "any";
  return config.sandbox ? "loopback" : "public";
}

export type Parts = Awaited<ReturnType<typeof openParts>>;
