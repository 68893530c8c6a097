// What both roles stand on: the connection to Redis and everything that is built on it without starting to work.
import { v7 as uuidV7 } from "uuid";
import type { Config } from "../config.ts";
import type { RedisTarget } from "../domain/redisTarget.ts";
import type { WebhookTargets } from "../domain/webhookUrl.ts";
import { createProducer } from "../queue/producer.ts";
import { createWaker } from "../queue/waker.ts";
import { createApiKeys } from "../store/apiKeys.ts";
import { connect } from "../store/connection.ts";
import { checkDurability } from "../store/durability.ts";
import { createEvents } from "../store/events.ts";
import { createIdempotency } from "../store/idempotency.ts";
import { queuePrefix } from "../store/keys.ts";
import { createLedger } from "../store/ledger.ts";
import { createMessages } from "../store/messages.ts";
import { createOpenWork } from "../store/openWork.ts";
import { createRequestRates } from "../store/requestRates.ts";
import { createWebhookDeliveries } from "../store/webhookDeliveries.ts";
import { createWebhookReplays } from "../store/webhookReplays.ts";
import { createWebhooks } from "../store/webhooks.ts";
import type { Log } from "../telemetry/logger.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import type { OutwardPaths } from "./outwardPaths.ts";
import type { OnStop } from "./unwinding.ts";

/** An embedded Redis or a fresh network may take a moment. */
const redisPatienceMs = 15_000;

/** Opens the store and the queues. Rejects if Redis does not answer. */
export async function openParts(
  { config, target, log, version, paths }: { config: Config; target: RedisTarget; log: Log; version: string; paths: OutwardPaths },
  onStop: OnStop,
) {
  const connection = await connect(target, log, redisPatienceMs);
  onStop(() => connection.close());
  const durability = await checkDurability(connection);
  for (const problem of durability.problems) log.warn({ durability: durability.kind }, problem);

  if (config.returnPathDomain !== undefined && !config.sandbox) {
    log.warn(
      {},
      "RETURN_PATH_DOMAIN has no effect in this version: it takes no reports in yet, and mail keeps the sender's address in its envelope",
    );
  }

  const ledger = createLedger(connection, {
    retention: config.retention,
    // Past the whole attempt and the last reply's own limit nobody can still be at work on it.
    leases: { ownerMs: config.timeouts.ownerLease, attemptMs: config.timeouts.attempt + config.timeouts.afterDot },
  });
  const openWork = createOpenWork(connection);
  const prefix = queuePrefix(0);
  const client = connection.client("hasty");
  onStop(async () => client.disconnect());
  const producer = createProducer({ connection: client, prefix, log });
  onStop(() => producer.close());
  const waker = createWaker(producer, (wakeUps) => openWork.confirm(wakeUps));
  onStop(() => waker.drained(2_000));

  return {
    config,
    target,
    log,
    version,
    paths,
    connection,
    durability,
    ledger,
    openWork,
    prefix,
    producer,
    wake: waker.wake,
    messages: createMessages(connection),
    events: createEvents(connection),
    apiKeys: createApiKeys(connection),
    idempotency: createIdempotency(connection),
    requestRates: createRequestRates(connection),
    webhooks: createWebhooks(connection),
    webhookDeliveries: createWebhookDeliveries(connection, { retentionMs: config.retention.messageMs }),
    webhookReplays: createWebhookReplays(connection, { retentionMs: config.retention.messageMs }),
    webhookTargets: targetsOf(config),
    metrics: createMetrics({ version }),
    // Without options the ids of one millisecond keep their order.
    newUuid: () => uuidV7(undefined, new Uint8Array(16)),
  };
}

/** Which addresses webhooks may point at. */
function targetsOf(config: Config): WebhookTargets {
  if (config.webhooks.allowPrivate) return "any";
  return config.sandbox ? "loopback" : "public";
}

export type Parts = Awaited<ReturnType<typeof openParts>>;
