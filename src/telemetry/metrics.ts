// Every metric, in one place. Base units (seconds, bytes); labels are bounded: never a tenant, an address or an id.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Up to a minute: a request, one try of a webhook. */
const shortSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60];
/** Up to the longest attempt that the timeouts allow by default. */
const attemptSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600, 1_800];
/** Up to three days: a message that is retried may wait for as long as it lives. */
const sentSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 259_200];

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * Makes a registry of its own with all metrics and the process's default ones. Gauges are plain: whoever knows their value sets it.
 * @param version of Postern, for `postern_build_info`
 */
export function createMetrics({ version = "unknown" }: { version?: string } = {}) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "postern_" });
  const registers = [registry];

  const metrics = {
    registry,
    /** `route` is the pattern (`/v1/messages/:id`), `status` the class (`2xx`). */
    httpRequestDuration: new Histogram({
      name: "postern_http_request_duration_seconds",
      help: "Time from an API request's first byte to the end of its answer.",
      labelNames: ["method", "route", "status"],
      buckets: shortSeconds,
      registers,
    }),
    messagesAccepted: new Counter({
      name: "postern_messages_accepted_total",
      help: "Messages that were stored durably and answered with success.",
      labelNames: ["lane"],
      registers,
    }),
    /** `code` is that of the problem document. */
    refusals: new Counter({
      name: "postern_refusals_total",
      help: "Requests, and messages of batches, that were refused, by the code of the answer.",
      labelNames: ["code"],
      registers,
    }),
    connectionsDropped: new Counter({
      name: "postern_connections_dropped_total",
      help: "Connections to the API that were one too many, and closed at once.",
      registers,
    }),
    /** `status` is a settled one; `category` is empty where there is none. */
    recipientsSettled: new Counter({
      name: "postern_recipients_settled_total",
      help: "Recipients that came to an end, by the state in which they ended.",
      labelNames: ["status", "category"],
      registers,
    }),
    /** `change`: `added` (or made stronger) or `removed`; `source`: what had made it. */
    suppressions: new Counter({
      name: "postern_suppressions_total",
      help: "Suppressions that were added or lifted.",
      labelNames: ["change", "source"],
      registers,
    }),
    attempts: new Counter({
      name: "postern_attempts_total",
      help: "SMTP transactions with a relay, by what they came to.",
      labelNames: ["relay", "outcome"],
      registers,
    }),
    attemptDuration: new Histogram({
      name: "postern_attempt_duration_seconds",
      help: "Time of one SMTP transaction, connecting included.",
      labelNames: ["relay"],
      buckets: attemptSeconds,
      registers,
    }),
    timeToSent: new Histogram({
      name: "postern_time_to_sent_seconds",
      help: "Time from a message's acceptance, or its scheduled time, until a relay took it for a recipient.",
      labelNames: ["lane"],
      buckets: sentSeconds,
      registers,
    }),
    /** `state`: `idle` or `busy`. */
    relayConnections: new Gauge({
      name: "postern_relay_connections",
      help: "Connections of this process to a relay.",
      labelNames: ["relay", "state"],
      registers,
    }),
    relayUp: new Gauge({
      name: "postern_relay_up",
      help: "Whether a relay takes mail: 0 while it is suspended or paused.",
      labelNames: ["relay"],
      registers,
    }),
    relayPaused: new Gauge({
      name: "postern_relay_paused",
      help: "Whether a relay takes no mail because an operator said so.",
      labelNames: ["relay"],
      registers,
    }),
    relayHeldConnections: new Gauge({
      name: "postern_relay_held_connections",
      help: "Connections to a relay that all workers hold together.",
      labelNames: ["relay"],
      registers,
    }),
    relayRedirected: new Counter({
      name: "postern_relay_redirected_total",
      help: "Dispatches that were given to another relay, by the one that they were taken from.",
      labelNames: ["relay"],
      registers,
    }),
    queueDepth: new Gauge({
      name: "postern_queue_depth",
      help: "Dispatches that wait for a relay, are put off, or are being sent, by their state.",
      labelNames: ["relay", "state"],
      registers,
    }),
    oldestWaiting: new Gauge({
      name: "postern_oldest_waiting_seconds",
      help: "How long the oldest wake-up in a relay's queue has been due; 0 if none is.",
      labelNames: ["relay"],
      registers,
    }),
    webhookDeliveries: new Counter({
      name: "postern_webhook_deliveries_total",
      help: "Tries to deliver an event to a webhook, by what they came to.",
      labelNames: ["outcome"],
      registers,
    }),
    webhookDeliveryDuration: new Histogram({
      name: "postern_webhook_delivery_duration_seconds",
      help: "Time of one try to deliver an event to a webhook.",
      buckets: shortSeconds,
      registers,
    }),
    /** `kind` as the parser told it, empty where nothing could be read; `status` as in the API. */
    reports: new Counter({
      name: "postern_reports_total",
      help: "Reports that came back and were read, by what they are and what came of them.",
      labelNames: ["source", "kind", "status"],
      registers,
    }),
    reportMails: new Counter({
      name: "postern_report_mails_total",
      help: "Mails, and recipients that were refused, at the listener for reports, by the answer.",
      labelNames: ["outcome"],
      registers,
    }),
    /** `outcome`: `stored`, `known`, `ignored` count events, the others requests. */
    notifications: new Counter({
      name: "postern_provider_notifications_total",
      help: "What the relays' providers posted, by what came of it.",
      labelNames: ["source", "outcome"],
      registers,
    }),
    reportsPending: new Gauge({ name: "postern_reports_pending", help: "Reports that are stored and wait to be read.", registers }),
    redisUp: new Gauge({ name: "postern_redis_up", help: "1 while Redis answers this process, else 0.", registers }),
    workers: new Gauge({ name: "postern_workers", help: "Workers that live, by their heartbeats in Redis.", registers }),
    redisMemoryUsed: new Gauge({
      name: "postern_redis_memory_used_bytes",
      help: "Memory that counts towards Redis' maxmemory; 0 where Redis does not tell.",
      registers,
    }),
    redisMemoryLimit: new Gauge({
      name: "postern_redis_memory_limit_bytes",
      help: "Redis' maxmemory; 0 if it has none, or does not tell.",
      registers,
    }),
    /** `kind`: `durable`, `weak` or `unknown`; 1 for the one that holds. */
    redisDurability: new Gauge({
      name: "postern_redis_durability",
      help: "Whether Redis keeps what it has acknowledged, as this process found it: 1 for the kind that holds, 0 for the others.",
      labelNames: ["kind"],
      registers,
    }),
    /** `repair` names what was mended: a lost wake-up, a deadline that passed, a relay that is gone. */
    upkeepRepairs: new Counter({
      name: "postern_upkeep_repairs_total",
      help: "What upkeep had to mend.",
      labelNames: ["repair"],
      registers,
    }),
    storeWentBack: new Counter({
      name: "postern_store_went_back_total",
      help: "Times that Redis was found to have lost what it had acknowledged.",
      registers,
    }),
    messagesLost: new Counter({
      name: "postern_messages_lost_total",
      help: "Messages that this process knew to be stored, and that Redis has lost.",
      registers,
    }),
    eventLogBacklog: new Gauge({
      name: "postern_event_log_backlog",
      help: "Events in the log that have not yet been handed to the webhooks.",
      registers,
    }),
    buildInfo: new Gauge({
      name: "postern_build_info",
      help: "Always 1; the labels say what runs.",
      labelNames: ["version", "node_version"],
      registers,
    }),
  };
  metrics.buildInfo.set({ version, node_version: process.version }, 1);
  return metrics;
}
