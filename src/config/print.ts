// The effective configuration in the user's own words: variables by their names, the rest as it would stand in the file. Secrets are masked.
import { stringify } from "yaml";
import type { Quota } from "../domain/quotas.ts";
import type { RelayConfig } from "../domain/relay.ts";
import { formatDuration, formatRate, formatSize } from "../domain/units.ts";
import type { Config } from "./effective.ts";
import { mask, showRedisTarget } from "./redis.ts";
import type { VariableName } from "./variables.ts";

/** Everything that is set, under the variable that sets it. */
function variablesOf(config: Config): Partial<Record<VariableName, string | number | boolean>> {
  const { http, metrics, redis, bounce, log, retention, limits } = config;
  return {
    HOST: http.host,
    PORT: http.port,
    METRICS_PORT: metrics.port,
    ...(redis.kind === "url" && { REDIS_URL: showRedisTarget(redis.target) }),
    POSTERN_DATA_DIR: config.dataDir,
    POSTERN_EMBEDDED_REDIS: config.embeddedRedisAllowed,
    POSTERN_SANDBOX: config.sandbox,
    POSTERN_ROLE: config.role,
    ...(config.apiKey !== undefined && { POSTERN_API_KEY: mask }),
    ...(config.returnPathDomain !== undefined && { RETURN_PATH_DOMAIN: config.returnPathDomain }),
    BOUNCE_HOST: bounce.host,
    BOUNCE_PORT: bounce.port,
    LOG_LEVEL: log.level,
    LOG_FORMAT: log.format,
    MESSAGE_RETENTION: formatDuration(retention.messageMs),
    CONTENT_RETENTION: formatDuration(retention.contentMs),
    FAILED_CONTENT_RETENTION: formatDuration(retention.failedContentMs),
    MAX_MESSAGE_SIZE: formatSize(limits.maxMessageSizeBytes),
    MAX_BATCH_SIZE: formatSize(limits.maxBatchSizeBytes),
  };
}

function relayOf({ host, port, tls, verifyCertificate, auth, connections }: RelayConfig) {
  // Some providers' user is as secret as the password, or the same.
  return { host, port, ...(auth && { user: mask, pass: mask }), connections, tls, verify: verifyCertificate };
}

function quotaOf({ requests, queued }: Quota) {
  return { requests: requests.length > 0 ? requests.map(formatRate) : "none", queued: queued ?? "none" };
}

function limitsOf({ quotas: { perKey, perTenant, keys, tenants }, limits }: Config) {
  const named = (all: Readonly<Record<string, Quota>>) => new Map(Object.entries(all).map(([name, quota]) => [name, quotaOf(quota)]));
  return {
    ...{ per_key: quotaOf(perKey), per_tenant: quotaOf(perTenant), keys: named(keys), tenants: named(tenants) },
    ...{ connections: limits.connections, event_loop_delay: formatDuration(limits.eventLoopDelayMs) },
  };
}

/** The effective configuration as YAML, for people: `environment` holds the variables, the other keys are those of the file. */
export function printableConfig(config: Config): string {
  const { relays, routes, retry, timeouts, webhooks } = config;
  return stringify({
    environment: variablesOf(config),
    relays: new Map(relays.map((relay) => [relay.name, relayOf(relay)])),
    routes,
    retry: { expire_after: formatDuration(retry.expireAfterMs), schedule: retry.scheduleMs.map(formatDuration) },
    timeouts: {
      connect: formatDuration(timeouts.connect),
      command: formatDuration(timeouts.command),
      after_dot: formatDuration(timeouts.afterDot),
      attempt: formatDuration(timeouts.attempt),
      owner_lease: formatDuration(timeouts.ownerLease),
    },
    webhooks: { allow_private: webhooks.allowPrivate },
    limits: limitsOf(config),
  });
}
