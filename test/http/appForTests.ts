// The API on a real Redis, with real store functions and no worker: what is woken is only collected.
import assert from "node:assert/strict";
import type { InjectOptions } from "fastify";
import { v7 as uuidV7 } from "uuid";
import { createComposer } from "../../src/accept/composer.ts";
import { createUnsubscribeLinks, linkLifeMs } from "../../src/accept/unsubscribeLinks.ts";
import type { FetchFromSns } from "../../src/bounces/providers/snsSignature.ts";
import type { PlannedWakeUp } from "../../src/domain/dispatching.ts";
import { newApiKey, type Scope, scopes } from "../../src/domain/keys.ts";
import { type InboundConfig, notificationProviders } from "../../src/domain/notification.ts";
import { noQuotas } from "../../src/domain/quotas.ts";
import type { RefusalCode } from "../../src/domain/refusals.ts";
import { defaultSuppressionPolicy } from "../../src/domain/suppression.ts";
import { createApp } from "../../src/http/app.ts";
import { requireScope } from "../../src/http/authenticate.ts";
import type { ConnectionTimeouts } from "../../src/http/connections.ts";
import type { Dependencies, ObservedRequest, RelayStatus } from "../../src/http/dependencies.ts";
import { createEventFeed } from "../../src/http/events/feed.ts";
import { openReporting } from "../../src/start/reporting.ts";
import { createApiKeys } from "../../src/store/apiKeys.ts";
import { type Connection, connect } from "../../src/store/connection.ts";
import { createEvents } from "../../src/store/events.ts";
import { createIdempotency } from "../../src/store/idempotency.ts";
import { createLedger } from "../../src/store/ledger.ts";
import { createMessages } from "../../src/store/messages.ts";
import { createRequestRates } from "../../src/store/requestRates.ts";
import { createStats } from "../../src/store/stats.ts";
import { createSuppressions } from "../../src/store/suppressions.ts";
import { createUnsubscribes } from "../../src/store/unsubscribes.ts";
import { createWebhookDeliveries } from "../../src/store/webhookDeliveries.ts";
import { createWebhookReplays } from "../../src/store/webhookReplays.ts";
import { createWebhooks } from "../../src/store/webhooks.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import type { TestRedis } from "../support/redis.ts";

const log = createLogger({ level: "silent", format: "json" });

/** All scopes, tenant `default`. */
export const bootstrapKey = "test_bootstrap_key_0123456789abcdef";

export type Answer = {
  status: number;
  headers: Record<string, string | string[] | number | undefined>;
  /** The parsed JSON, or undefined. */
  // biome-ignore lint/suspicious/noExplicitAny: a test says by its assertions what it expects.
  body: any;
  text: string;
};

export type AskOptions = {
  key?: string | null;
  /** A string or bytes are sent as they are, anything else as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
};

export type TestApp = Awaited<ReturnType<typeof openApp>>;

const noSns: FetchFromSns = () => Promise.reject(new Error("there is no SNS here"));

/** Builds the API on an empty database. `change` replaces some of its dependencies. */
export async function openApp(
  redis: TestRedis,
  change: (dependencies: Dependencies) => Partial<Dependencies> = () => ({}),
  timeouts: Partial<ConnectionTimeouts> = {},
  { inbound = {}, fetchFromSns = noSns }: { inbound?: InboundConfig; fetchFromSns?: FetchFromSns } = {},
) {
  const database = Number(new URL(redis.freshUrl()).pathname.slice(1));
  const connection: Connection = await connect(
    { kind: "single", host: "127.0.0.1", port: redis.port, database, tls: false, verifyCertificate: true },
    log,
  );
  const retention = { messageMs: 60_000, contentMs: 0, failedContentMs: 60_000 };
  const ledger = createLedger(connection, {
    retention,
    leases: { ownerMs: 60_000, attemptMs: 120_000 },
    notifiedBy: notificationProviders.filter((provider) => inbound[provider] !== undefined),
  });
  const messages = createMessages(connection);
  const events = createEvents(connection);
  const apiKeys = createApiKeys(connection);
  const metrics = createMetrics();
  const closing: (() => Promise<unknown>)[] = [];
  const reporting = await openReporting(
    {
      config: {
        retention,
        returnPathDomain: "bounces.example",
        suppression: defaultSuppressionPolicy,
        inbound,
        timeouts: { ownerLease: 60_000 },
      },
      fetchFromSns,
      connection,
      messages,
      apiKeys,
      metrics,
      log,
    },
    (step) => closing.push(step),
  );
  const webhookOptions = { retentionMs: 60_000 };
  const woken: PlannedWakeUp[] = [];
  const observed: ObservedRequest[] = [];
  const accepted: string[] = [];
  const refusals: RefusalCode[] = [];
  let dropped = 0;
  const wake = (planned: PlannedWakeUp[]) => void woken.push(...planned);
  const newUuid = () => uuidV7({}, new Uint8Array(16));
  const routes = [{ to_domain: "nowhere.example", relays: ["second"] }, { relays: ["first", "second"] }];
  const unsubscribes = createUnsubscribes(connection, { linkLifeMs });
  const unsubscribeLinks = createUnsubscribeLinks({
    publicUrl: () => "https://mail.example.com/postern",
    configuredSecrets: [],
    unsubscribes,
    now: ledger.clock.now,
  });
  const composer = createComposer();
  closing.push(composer.stop);
  const whole: Dependencies = {
    ledger,
    messages,
    events,
    apiKeys,
    idempotency: createIdempotency(connection),
    suppressions: createSuppressions(connection),
    unsubscribes,
    unsubscribeLinks,
    quotas: noQuotas,
    requestRates: createRequestRates(connection),
    webhooks: createWebhooks(connection),
    webhookDeliveries: createWebhookDeliveries(connection, webhookOptions),
    webhookReplays: createWebhookReplays(connection, webhookOptions),
    feed: createEventFeed(events, messages),
    stats: createStats(connection),
    reports: reporting.reports,
    takeReport: reporting.intake.take,
    parseReport: reporting.parseReport,
    notifications: reporting.notifications,
    prepare: {
      routes,
      relays: ["first", "second"],
      expireAfterMs: 72 * 3_600_000,
      maxMessageSizeBytes: 1024 * 1024,
      now: ledger.clock.now,
      newUuid,
      unsubscribeLinks,
      composer,
      ...(reporting.returnPath && { returnPath: reporting.returnPath }),
    },
    change: { ledger, messages, wake, routes, relays: ["first", "second"], quotas: noQuotas },
    wake,
    relays: fixedRelays([]),
    webhookTargets: "public",
    limits: { messageBytesMax: 1024 * 1024, batchBytesMax: 2 * 1024 * 1024 },
    notReady: async () => [],
    durability: () => ({ kind: "durable", problems: [] }),
    scope: (scope) => requireScope({ apiKeys, bootstrapKey }, scope),
    observeRequest: (request) => void observed.push(request),
    observeRefusal: (code) => void refusals.push(code),
    observeDroppedConnection: () => {
      dropped += 1;
    },
    observeAccepted: (lane) => void accepted.push(lane),
  };
  const dependencies = { ...whole, ...change(whole) };
  const app = await createApp(dependencies, { log, version: "0.0.0", timeouts });

  /** One request. The key is the bootstrap one unless another is named; null sends none. */
  async function ask(method: string, path: string, { key = bootstrapKey, body, headers = {} }: AskOptions = {}): Promise<Answer> {
    const isRaw = typeof body === "string" || Buffer.isBuffer(body);
    const request: InjectOptions = {
      method: method as "GET",
      url: path,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { payload: (isRaw ? body : JSON.stringify(body)) as string }),
    };
    const response = await app.inject(request);
    const isJson = /[/+]json\b/.test(String(response.headers["content-type"] ?? ""));
    return {
      status: response.statusCode,
      headers: response.headers,
      body: isJson && response.payload !== "" ? JSON.parse(response.payload) : undefined,
      text: response.payload,
    };
  }

  return {
    app,
    dependencies,
    connection,
    ledger,
    woken,
    observed,
    accepted,
    intake: reporting.intake,
    metrics,
    refusals,
    /** Connections that were one too many. */
    dropped: () => dropped,
    ask,

    /** Makes a key as an operator would from the shell. */
    async key(options: { tenant?: string; scopes?: Scope[]; domains?: string[]; relays?: string[] } = {}): Promise<string> {
      const { tenant = "default", scopes: granted = [...scopes], ...rest } = options;
      const random = crypto.getRandomValues(new Uint8Array(64));
      const { key, text } = newApiKey({ tenant, name: "test", scopes: granted, ...rest, createdAt: ledger.clock.now(), random });
      await apiKeys.add(key);
      return text;
    },

    /** How many messages the tenant `default` has. */
    async stored(): Promise<number> {
      return connection.redis.zcard(connection.keys.tenantMessages("default"));
    },

    async close(): Promise<void> {
      await app.close();
      dependencies.feed.stop();
      for (const step of closing.reverse()) await step();
      await connection.close();
    },
  };
}

/** A request that is accepted; `changes` replaces fields of it. */
export function mail(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { from: "shop@example.com", to: "ada@example.net", subject: "Hello", text: "Hello Ada", ...changes };
}

/** Checks that an answer is a whole problem document with that status and code, and returns it. */
export function assertProblem(answer: Answer, status: number, code: string) {
  assert.equal(answer.status, status, answer.text);
  assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/);
  const { body } = answer;
  assert.equal(body.code, code, answer.text);
  assert.equal(body.status, status);
  assert.equal(body.type, `urn:postern:problem:${code}`);
  assert.ok(typeof body.title === "string" && body.title.length > 0);
  assert.ok(typeof body.detail === "string" && body.detail.length > 0);
  assert.equal(body.request_id, answer.headers["x-request-id"]);
  return body;
}

/** Relays whose state is what the test says. */
export function fixedRelays(statuses: RelayStatus[] | (() => Promise<RelayStatus[]>)): Dependencies["relays"] {
  const nothing = async () => undefined;
  return { statuses: typeof statuses === "function" ? statuses : async () => statuses, pause: nothing, resume: nothing };
}
