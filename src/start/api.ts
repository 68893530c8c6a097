// The role `api`: the HTTP doors.

import { setTimeout as sleep } from "node:timers/promises";
import { type Composer, createComposer } from "../accept/composer.ts";
import { createUnsubscribeLinks } from "../accept/unsubscribeLinks.ts";
import type { Delivery } from "../deliver/workers.ts";
import { createApp } from "../http/app.ts";
import { requireScope } from "../http/authenticate.ts";
import type { Dependencies } from "../http/dependencies.ts";
import { createEventFeed } from "../http/events/feed.ts";
import { knownEverywhereMs } from "../store/relayWatch.ts";
import type { Parts } from "./parts.ts";
import { relayStatuses } from "./relayStatuses.ts";
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
  const { config, unsubscribes, ledger } = parts;
  // Who tries the sandbox out follows links on the same machine.
  let sandboxUrl: string | undefined;
  const unsubscribeLinks = createUnsubscribeLinks({
    publicUrl: () => config.publicUrl ?? sandboxUrl,
    configuredSecrets: config.unsubscribeSecrets ?? [],
    unsubscribes,
    now: ledger.clock.now,
  });
  const composer = createComposer();
  onStop(composer.stop);
  const app = await createApp(dependenciesOf(parts, options, { feed, unsubscribeLinks, composer }), {
    log: parts.log,
    version: parts.version,
  });
  onStop(() => app.close());
  const { host, port } = config.http;
  const url = await app.listen({ host, port });
  if (config.sandbox) sandboxUrl = url;
  return url;
}

function dependenciesOf(
  parts: Parts,
  { apiKey, delivery, notReady }: ApiOptions,
  { feed, unsubscribeLinks, composer }: Pick<Dependencies, "feed" | "unsubscribeLinks"> & { composer: Composer },
): Dependencies {
  const { config, ledger, acceptance, messages, events, apiKeys, idempotency, requestRates, wake, newUuid, durability, metrics, tracing } =
    parts;
  const { webhooks, webhookDeliveries, webhookReplays, webhookTargets, suppressions, unsubscribes, routing, relayHealth, relayWatch } =
    parts;
  const { captured } = parts.paths;
  return {
    ...{ notifications: parts.notifications, reports: parts.reports, takeReport: parts.intake.take, parseReport: parts.parseReport },
    ledger: { clock: ledger.clock, ...acceptance.ledger },
    ...(tracing && { tracing }),
    ...{ messages, events, apiKeys, idempotency, requestRates, feed, wake, notReady, durability },
    ...{ webhooks, webhookDeliveries, webhookReplays, webhookTargets },
    ...{ suppressions, unsubscribes, unsubscribeLinks, stats: parts.stats },
    ...(captured && { captured }),
    prepare: {
      ...routing,
      expireAfterMs: config.retry.expireAfterMs,
      maxMessageSizeBytes: config.limits.maxMessageSizeBytes,
      now: ledger.clock.now,
      newUuid,
      unsubscribeLinks,
      composer,
      ...(parts.returnPath && { returnPath: parts.returnPath }),
    },
    change: { ledger, messages, wake, quotas: config.quotas, ...routing },
    relays: {
      statuses: () => relayStatuses(parts, delivery),
      // Answered once no worker begins anything more.
      pause: (name) =>
        relayHealth
          .pause(name)
          .then(relayWatch.look)
          .then(() => sleep(knownEverywhereMs)),
      resume: (name) => relayHealth.resume(name).then(relayWatch.look),
    },
    quotas: config.quotas,
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
