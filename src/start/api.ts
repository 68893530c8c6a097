// The role `api`: the HTTP doors.

import type { Delivery } from "../deliver/workers.ts";
import { createApp } from "../http/app.ts";
import { requireScope } from "../http/authenticate.ts";
import type { Dependencies, RelayStatus } from "../http/dependencies.ts";
import { createEventFeed } from "../http/events/feed.ts";
import type { Parts } from "./parts.ts";
import type { OnStop } from "./unwinding.ts";

export type ApiOptions = {
  /** The bootstrap key, if there is one. */
  apiKey: string | undefined;
  /** This process's own connections to the relays, where it delivers too. */
  delivery: Delivery | undefined;
  notReady(): Promise<string[]>;
};

/** Starts listening; resolves with the URL. */
export async function startApi(parts: Parts, options: ApiOptions, onStop: OnStop): Promise<string> {
  const feed = createEventFeed(parts.events, parts.messages);
  onStop(async () => feed.stop());
  const app = await createApp(dependenciesOf(parts, options, feed), { log: parts.log, version: parts.version });
  onStop(() => app.close());
  const { host, port } = parts.config.http;
  return app.listen({ host, port });
}

function dependenciesOf(parts: Parts, { apiKey, delivery, notReady }: ApiOptions, feed: Dependencies["feed"]): Dependencies {
  const { config, ledger, messages, events, apiKeys, idempotency, requestRates, wake, newUuid, durability, metrics } = parts;
  const { webhooks, webhookDeliveries, webhookReplays, webhookTargets } = parts;
  const { relays, routes, captured } = parts.paths;
  return {
    ...{ ledger, messages, events, apiKeys, idempotency, requestRates, feed, wake, notReady, durability },
    ...{ webhooks, webhookDeliveries, webhookReplays, webhookTargets },
    ...(captured && { captured }),
    prepare: {
      routes,
      relays: relays.map((relay) => relay.name),
      expireAfterMs: config.retry.expireAfterMs,
      maxMessageSizeBytes: config.limits.maxMessageSizeBytes,
      now: ledger.clock.now,
      newUuid,
    },
    quotas: config.quotas,
    change: { ledger, messages, wake, routes, quotas: config.quotas },
    relayStatuses: () => relayStatuses(parts, delivery),
    limits: {
      messageBytesMax: config.limits.maxMessageSizeBytes,
      batchBytesMax: config.limits.maxBatchSizeBytes,
      connections: config.limits.connections,
      eventLoopDelayMs: config.limits.eventLoopDelayMs,
    },
    scope: (scope) => requireScope({ apiKeys, bootstrapKey: apiKey }, scope),
    observeRequest: ({ method, route, status, seconds }) => metrics.httpRequestDuration.observe({ method, route, status }, seconds),
    observeRefusal: (code) => metrics.refusals.inc({ code }),
    observeDroppedConnection: () => metrics.connectionsDropped.inc(),
    observeAccepted: (lane) => metrics.messagesAccepted.inc({ lane }),
  };
}

async function relayStatuses({ paths, producer }: Parts, delivery: Delivery | undefined): Promise<RelayStatus[]> {
  const stats = new Map(delivery?.relays().map((it) => [it.name, it.stats]));
  return Promise.all(
    paths.relays.map(async ({ name, host, port, tls, connections }) => ({
      ...{ name, host, port, tls },
      connections: { allowed: connections, open: stats.get(name)?.open ?? null, busy: stats.get(name)?.busy ?? null },
      queue: await producer.depth(name),
      oldest_waiting_at: (await producer.oldestWaitingSince(name)) ?? null,
    })),
  );
}
