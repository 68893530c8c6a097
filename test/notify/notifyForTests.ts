// Webhooks on a fresh database: what the API would call, an event log to append to, and workers that run in this process.
import type { TestContext } from "node:test";
import type { StoredEvent } from "../../src/domain/events.ts";
import { type NotifyOptions, type NotifyTuning, startNotify } from "../../src/notify/notify.ts";
import type { Connection } from "../../src/store/connection.ts";
import { createMessages } from "../../src/store/messages.ts";
import { createWebhookDeliveries, type Delivery } from "../../src/store/webhookDeliveries.ts";
import { createWebhookReplays } from "../../src/store/webhookReplays.ts";
import { createWebhooks, type Subscription, type Webhook, type WebhookSettings } from "../../src/store/webhooks.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { connectFresh } from "../store/ledgerForTests.ts";
import type { TestRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";

const retentionMs = 24 * 3_600_000;
/** Fast enough for a test, and slow enough that "at once" is told from "by polling" by a deadline. */
const fast: Partial<NotifyTuning> = { schedule: [0, 20, 20, 20], pollMs: 25, graceMs: 300 };

export type Workers = { tuning?: Partial<NotifyTuning> } & Partial<Pick<NotifyOptions, "resolve" | "eventBody" | "consumer">>;

export async function openWebhooks(t: TestContext, redis: TestRedis, settings: WebhookSettings = {}) {
  const url = redis.freshUrl();
  const connections: Connection[] = [];
  const open = async () => {
    const connection = await connectFresh(redis, url);
    connections.push(connection);
    return connection;
  };
  const connection = await open();
  const webhooks = createWebhooks(connection, settings);
  const deliveries = createWebhookDeliveries(connection, { retentionMs });
  const metrics = createMetrics();
  const running: { stop(): Promise<void> }[] = [];
  t.after(async () => {
    await Promise.all(running.map((workers) => workers.stop()));
    for (const each of connections) await each.close();
  });

  return {
    url,
    connection,
    webhooks,
    deliveries,
    replays: createWebhookReplays(connection, { retentionMs }),
    metrics,
    retentionMs,

    /** Appends an event to the log as a script would, and returns it. */
    async append(event: Partial<StoredEvent> = {}): Promise<StoredEvent> {
      const [stored] = await appendAll(connection, [event]);
      return stored as StoredEvent;
    },
    appendAll: (events: Partial<StoredEvent>[]) => appendAll(connection, events),

    async webhook(target: string, options: { tenant?: string; events?: Subscription } = {}): Promise<{ webhook: Webhook; secret: string }> {
      const { tenant = "default", events = ["*"] } = options;
      const created = await webhooks.create(tenant, { url: target, events, description: "" });
      if (created.kind !== "created") throw new Error(created.kind);
      return created;
    },

    /** Starts what a worker process runs, on a connection of its own. */
    async start({ tuning, ...rest }: Workers = {}) {
      const workers = startNotify({
        connection: await open(),
        messages: createMessages(connection),
        settings: { retentionMs, targets: "loopback", tuning: { ...fast, ...tuning } },
        version: "1.2.3",
        log: createLogger({ level: "silent", format: "json" }),
        metrics,
        ...rest,
      });
      running.push(workers);
      return workers;
    },

    /** All deliveries of a webhook, newest first. */
    async list({ id, tenant }: Webhook): Promise<Delivery[]> {
      return (await deliveries.list(tenant, id, {}, 1_000))?.deliveries ?? [];
    },

    /** Waits until the webhook's newest delivery satisfies a condition, and returns it. */
    async newest({ id, tenant }: Webhook, what: string, condition: (delivery: Delivery) => boolean): Promise<Delivery> {
      return waitFor(
        async () => {
          const [first] = (await deliveries.list(tenant, id, {}, 1))?.deliveries ?? [];
          if (first && condition(first)) return first;
          throw new Error(JSON.stringify(first));
        },
        { what },
      );
    },
  };
}

async function appendAll({ redis, keys, clock }: Connection, events: Partial<StoredEvent>[]): Promise<StoredEvent[]> {
  const newest = await redis.incrby(keys.sequence, events.length);
  const stored = events.map((event, index) => ({
    type: "message.sent" as const,
    at: clock.now(),
    tenant: "default",
    ...event,
    sequence: newest - events.length + 1 + index,
  }));
  const pipeline = redis.pipeline();
  for (const { sequence, ...fields } of stored) pipeline.xadd(keys.events, `${sequence}-0`, "e", JSON.stringify(fields));
  for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
  return stored;
}
