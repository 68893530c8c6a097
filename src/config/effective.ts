// The effective configuration: what the rest of the house is started with. Plain, frozen data.

import type { DkimKey } from "../domain/dkim.ts";
import type { Confirmation } from "../domain/durability.ts";
import type { InboundConfig } from "../domain/notification.ts";
import type { Quotas } from "../domain/quotas.ts";
import type { RedisTarget } from "../domain/redisTarget.ts";
import type { RelayConfig, Timeouts } from "../domain/relay.ts";
import type { Route } from "../domain/routes.ts";
import type { SuppressionPolicy } from "../domain/suppression.ts";
import type { TracingConfig } from "../domain/tracing.ts";
import type { logFormats, logLevels, roles } from "./variables.ts";

export type Role = (typeof roles)[number];
export type LogLevel = (typeof logLevels)[number];
export type LogFormat = (typeof logFormats)[number];

export type Config = {
  role: Role;
  /** NODE_ENV is `production`. */
  production: boolean;
  sandbox: boolean;
  /** Port 0 takes any free one. */
  http: { host: string; port: number };
  /** On the host of `http`. Port 0 turns it off. */
  metrics: { port: number };
  /** Where the embedded Redis and the sandbox keep what they have; an absolute path. */
  dataDir: string;
  redis: { kind: "embedded" } | { kind: "url"; target: RedisTarget };
  embeddedRedisAllowed: boolean;
  /** In the file's order, that of SMTP_URL last. Empty only in the sandbox, where the capture relay takes their place. */
  relays: RelayConfig[];
  /** First match wins. Empty only where `relays` is. */
  routes: Route[];
  retry: { expireAfterMs: number; scheduleMs: number[] };
  timeouts: Timeouts;
  /** What a receipt waits for beside the write itself; undefined: nothing. */
  durability?: Confirmation;
  /** `timeoutMs`: for one request, until its answer's status. */
  webhooks: { allowPrivate: boolean; timeoutMs: number };
  suppression: SuppressionPolicy;
  /** Where others reach the API, without a slash at its end. */
  publicUrl?: string;
  /** The first signs unsubscribe links, the others are old ones; absent: those that the installation makes and keeps itself. */
  unsubscribeSecrets?: string[];
  /** Several of one domain all sign. */
  dkim: DkimKey[];
  /** The bootstrap key; where it is missing in the sandbox, one is made at start. */
  apiKey?: string;
  returnPathDomain?: string;
  /** What signs return paths, the newest first; where there are none, one is made and kept in Redis. */
  returnPathSecrets?: string[];
  /**
   * Listens only where `returnPathDomain` is set. Port 0 takes any free one.
   * `addresses`: where others send reports to, beside our return paths and postmaster.
   */
  bounce: { host: string; port: number; tls?: { cert: string; key: string }; addresses: string[] };
  /** The providers whose notifications are taken, each with what they are verified by. */
  inbound: InboundConfig;
  log: { level: LogLevel; format: LogFormat };
  /** Where traces go; absent: there are none. */
  tracing?: TracingConfig;
  retention: { messageMs: number; contentMs: number; failedContentMs: number };
  /** Of one process: `connections` of callers at a time; mean delay of the event loop beyond which requests are turned away. */
  limits: { maxMessageSizeBytes: number; maxBatchSizeBytes: number; connections: number; eventLoopDelayMs: number };
  /** Of callers, over all processes. */
  quotas: Quotas;
  /** PATH: where to look for a redis-server. */
  path: string;
};
