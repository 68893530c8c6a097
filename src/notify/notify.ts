// Events to webhooks, as a whole: the reader makes deliveries of events, the replayer of past ones, the deliverer sends what is due.
import { hostname } from "node:os";
import { eventBody as defaultEventBody } from "../domain/eventView.ts";
import { settledStatuses } from "../domain/states.ts";
import type { WebhookTargets } from "../domain/webhookUrl.ts";
import type { Connection } from "../store/connection.ts";
import { createEvents } from "../store/events.ts";
import type { Messages } from "../store/messages.ts";
import { createWebhookFanOut } from "../store/webhookFanOut.ts";
import { createWebhookQueue } from "../store/webhookQueue.ts";
import { createWebhookReplays } from "../store/webhookReplays.ts";
import type { Log } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { createBodies, type EventBody } from "./bodies.ts";
import { startDeliverer } from "./deliverer.ts";
import type { Resolve } from "./lookup.ts";
import { createPoster } from "./post.ts";
import { startReader } from "./reader.ts";
import { startReplayer } from "./replayer.ts";
import { triesAfterMs } from "./schedule.ts";

export type NotifySettings = {
  /** How long deliveries are kept; that of messages and events. */
  retentionMs: number;
  targets: WebhookTargets;
  /** What the contract and the documentation promise stands here as the default; tests change it. */
  tuning?: Partial<NotifyTuning>;
};

export type NotifyTuning = {
  /** Milliseconds before each try, from the one before it. */
  schedule: readonly number[];
  /** For one request, until its answer's status. */
  timeoutMs: number;
  /** Longer than any request may take; after that another worker may try. */
  leaseMs: number;
  /** Requests to one webhook at a time in the whole fleet, and of this process in all. */
  perWebhook: number;
  perProcess: number;
  disableAfterMs: number;
  pollMs: number;
  takeOverMs: number;
  /** How long a stop waits for requests under way. */
  graceMs: number;
};

const defaults: NotifyTuning = {
  schedule: triesAfterMs,
  timeoutMs: 15_000,
  leaseMs: 30_000,
  perWebhook: 10,
  perProcess: 50,
  disableAfterMs: 5 * 24 * 3_600_000,
  pollMs: 500,
  takeOverMs: 60_000,
  graceMs: 4_000,
};

export type NotifyOptions = {
  connection: Connection;
  messages: Pick<Messages, "records">;
  settings: NotifySettings;
  version: string;
  log: Log;
  metrics: Pick<Metrics, "recipientsSettled" | "suppressions" | "webhookDeliveries" | "webhookDeliveryDuration">;
  tracing?: Pick<Tracing, "begin"> | undefined;
  eventBody?: EventBody;
  resolve?: Resolve;
  /** This process's name among all readers of events; a container that is started again goes on under the same one. */
  consumer?: string;
};

/** Starts this process's part in delivering events. It waits by itself while Redis is away. `stop` is idempotent and bounded. */
export function startNotify(options: NotifyOptions): { stop(): Promise<void> } {
  const { connection, messages, settings, version, metrics, tracing, eventBody = defaultEventBody, resolve } = options;
  const { consumer = `${hostname()}:${process.pid}` } = options;
  const { retentionMs, targets } = settings;
  const tuning = { ...defaults, ...settings.tuning };
  const log = options.log.child({ part: "notify" });

  const poster = createPoster({
    ...{ targets, version, timeoutMs: tuning.timeoutMs, connections: tuning.perProcess },
    ...(resolve && { resolve }),
  });
  const deliverer = startDeliverer({
    queue: createWebhookQueue(connection, { ...tuning, retentionMs }),
    bodies: createBodies({ events: createEvents(connection), messages, eventBody }),
    post: poster.post,
    now: connection.clock.now,
    ...{ schedule: tuning.schedule, perProcess: tuning.perProcess, pollMs: tuning.pollMs, tracing, log },
    observe: (outcome, durationMs) => {
      metrics.webhookDeliveries.inc({ outcome });
      metrics.webhookDeliveryDuration.observe(durationMs / 1_000);
    },
  });
  const reader = startReader({
    fanOut: createWebhookFanOut(connection, { consumer, retentionMs }),
    ...{ onDue: deliverer.wake, takeOverMs: tuning.takeOverMs, log },
    observe: (kinds) => {
      for (const { type, category, source, imported } of kinds) {
        const status = settledStatuses.find((settled) => type === `message.${settled}`);
        if (status) metrics.recipientsSettled.inc({ status, category });
        if (type.startsWith("suppression.")) metrics.suppressions.inc({ change: type.slice("suppression.".length), source }, imported);
      }
    },
  });
  const replayer = startReplayer({
    replays: createWebhookReplays(connection, { retentionMs }),
    ...{ onDue: deliverer.wake, pollMs: tuning.pollMs, log },
  });

  let stopped: Promise<void> | undefined;
  return {
    stop() {
      stopped ??= (async () => {
        await Promise.all([reader.stop(), replayer.stop(), deliverer.stop(tuning.graceMs)]);
        await poster.close();
      })();
      return stopped;
    },
  };
}
