// What the operations work with, and what kind of app they are added to.
import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { ChangeDependencies } from "../accept/change.ts";
import type { PrepareSettings } from "../accept/prepare.ts";
import type { UnsubscribeLinks } from "../accept/unsubscribeLinks.ts";
import type { Intake } from "../bounces/intake.ts";
import type { Parser } from "../bounces/parser.ts";
import type { Notifications } from "../bounces/providers/notifications.ts";
import type { CapturedMessage } from "../domain/captured.ts";
import type { PlannedWakeUp } from "../domain/dispatching.ts";
import type { Scope } from "../domain/keys.ts";
import type { Lane } from "../domain/message.ts";
import type { Quotas } from "../domain/quotas.ts";
import type { RefusalCode } from "../domain/refusals.ts";
import type { Rate } from "../domain/relay.ts";
import type { RelayHealth } from "../domain/relayHealth.ts";
import type { WebhookTargets } from "../domain/webhookUrl.ts";
import type { Acceptance } from "../store/acceptance.ts";
import type { ApiKeys } from "../store/apiKeys.ts";
import type { Durability } from "../store/durability.ts";
import type { Events } from "../store/events.ts";
import type { Idempotency } from "../store/idempotency.ts";
import type { Ledger } from "../store/ledger.ts";
import type { Messages } from "../store/messages.ts";
import type { Reports } from "../store/reports.ts";
import type { RequestRates } from "../store/requestRates.ts";
import type { Stats } from "../store/stats.ts";
import type { Suppressions } from "../store/suppressions.ts";
import type { Unsubscribes } from "../store/unsubscribes.ts";
import type { WebhookDeliveries } from "../store/webhookDeliveries.ts";
import type { WebhookReplays } from "../store/webhookReplays.ts";
import type { Webhooks } from "../store/webhooks.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { ScopeHook } from "./authenticate.ts";
import type { EventFeed } from "./events/feed.ts";

/** The capture relay, as far as the API shows it. */
export type Captured = {
  list(page: { limit: number; after?: string }): Promise<{ data: CapturedMessage[]; next?: string }>;
  get(id: string): Promise<{ message: CapturedMessage; raw: Buffer } | undefined>;
};

/** A relay as operators see it. `held`: connections of all workers together; `open` and `busy`: of this process. */
export type RelayStatus = {
  name: string;
  host: string;
  port: number;
  tls: string;
  health: RelayHealth;
  connections: { allowed: number; held: number; open: number | null; busy: number | null };
  rates: readonly Rate[];
  /** Of all workers, about. */
  attemptsLastMinute: number;
  /** What it is slowed down to at its own request, milliseconds a message. */
  slowIntervalMs: number | null;
  queue: { waiting: number; delayed: number; active: number };
  oldest_waiting_at: number | null;
};

/** One answered request. `route` is the pattern (`/v1/messages/:id`), `status` the class (`2xx`). */
export type ObservedRequest = { method: string; route: string; status: string; seconds: number };

export type Dependencies = {
  ledger: Acceptance["ledger"] & Pick<Ledger, "clock">;
  messages: Messages;
  events: Events;
  idempotency: Idempotency;
  apiKeys: ApiKeys;
  suppressions: Suppressions;
  unsubscribes: Pick<Unsubscribes, "unsubscribe">;
  unsubscribeLinks: UnsubscribeLinks;
  webhooks: Webhooks;
  webhookDeliveries: WebhookDeliveries;
  webhookReplays: Pick<WebhookReplays, "start">;
  feed: EventFeed;
  stats: Pick<Stats, "read">;
  quotas: Quotas;
  requestRates: RequestRates;
  reports: Pick<Reports, "get" | "list" | "content">;
  /** Takes a report in, and reads it if that goes quickly. */
  takeReport: Intake["take"];
  parseReport: Parser["parse"];
  /** The door for the relays' providers. */
  notifications: Notifications;
  prepare: PrepareSettings;
  change: ChangeDependencies;
  /** Adds wake-ups to the queue in its own time. */
  wake(planned: PlannedWakeUp[]): void;
  relays: { statuses(): Promise<RelayStatus[]>; pause(name: string): Promise<void>; resume(name: string): Promise<void> };
  captured?: Captured;
  webhookTargets: WebhookTargets;
  /**
   * `bodiesBytesMax`: of all large bodies that are taken in at a time; by default what memory allows.
   * `streamsMax`: event streams of this process at a time. `connections`: of callers, by default any number. `eventLoopDelayMs`: the mean
   * delay beyond which requests are turned away, by default none.
   */
  limits: {
    messageBytesMax: number;
    batchBytesMax: number;
    bodiesBytesMax?: number;
    streamsMax?: number;
    connections?: number;
    eventLoopDelayMs?: number;
  };
  /** Where requests are told as spans; absent: nowhere. */
  tracing?: Pick<Tracing, "begin">;
  /** Which problems keep this process from being ready, in words; none: it is. */
  notReady(): Promise<string[]>;
  /** Whether Redis keeps what it has acknowledged: as it was found at the start, and what came to light since. */
  durability(): Durability;
  /** The hook that lets only keys with that scope in; `any`: every key. */
  scope(scope: Scope | "any"): ScopeHook;
  observeRequest(observed: ObservedRequest): void;
  /** A request, or one message of a batch, was refused. */
  observeRefusal(code: RefusalCode): void;
  /** A connection was one too many. */
  observeDroppedConnection(): void;
  /** A message was stored; not called for a replayed answer. */
  observeAccepted(lane: Lane): void;
};

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  ZodTypeProvider
>;
