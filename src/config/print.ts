// The effective configuration in the user's own words: variables by their names, the rest as it would stand in the file. Secrets are masked.
import { isIPv6 } from "node:net";
import { stringify } from "yaml";
import type { InboundConfig } from "../domain/notification.ts";
import type { Quota } from "../domain/quotas.ts";
import type { Rate, RelayAuth, RelayConfig, RelayLimits, RelayProxy, TlsOptions } from "../domain/relay.ts";
import { type Route, weightOf } from "../domain/routes.ts";
import { suppressionCauses } from "../domain/suppression.ts";
import type { TracingConfig } from "../domain/tracing.ts";
import { formatDuration, formatRate, formatSize } from "../domain/units.ts";
import type { Config } from "./effective.ts";
import { mask, showRedisTarget } from "./redis.ts";
import type { VariableName } from "./variables.ts";

const shortened = "(PEM)";

/** Everything that is set, under the variable that sets it. */
function variablesOf(config: Config): Partial<Record<VariableName, string | number | boolean>> {
  const { http, metrics, redis, bounce, log, retention, limits, tracing } = config;
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
    ...(config.publicUrl !== undefined && { PUBLIC_URL: config.publicUrl }),
    ...(config.unsubscribeSecrets && { UNSUBSCRIBE_SECRETS: mask }),
    ...(config.returnPathDomain !== undefined && { RETURN_PATH_DOMAIN: config.returnPathDomain }),
    ...(config.returnPathSecrets && { RETURN_PATH_SECRETS: mask }),
    BOUNCE_HOST: bounce.host,
    BOUNCE_PORT: bounce.port,
    ...(bounce.tls && { BOUNCE_TLS_CERT: mask, BOUNCE_TLS_KEY: mask }),
    LOG_LEVEL: log.level,
    LOG_FORMAT: log.format,
    MESSAGE_RETENTION: formatDuration(retention.messageMs),
    CONTENT_RETENTION: formatDuration(retention.contentMs),
    FAILED_CONTENT_RETENTION: formatDuration(retention.failedContentMs),
    MAX_MESSAGE_SIZE: formatSize(limits.maxMessageSizeBytes),
    MAX_BATCH_SIZE: formatSize(limits.maxBatchSizeBytes),
    ...(tracing && tracingVariablesOf(tracing)),
  };
}

/** Headers hold keys of collectors, so that only their being there is said. */
function tracingVariablesOf(tracing: TracingConfig): Partial<Record<VariableName, string | number>> {
  const { followsCaller, ratio } = tracing.sampling;
  const isRatio = ratio > 0 && ratio < 1;
  const sampler = isRatio ? "traceidratio" : ratio === 0 ? "always_off" : "always_on";
  const attributes = Object.entries(tracing.attributes).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: tracing.url,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: tracing.protocol,
    ...(Object.keys(tracing.headers).length > 0 && { OTEL_EXPORTER_OTLP_TRACES_HEADERS: mask }),
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: tracing.timeoutMs,
    OTEL_SERVICE_NAME: tracing.serviceName,
    ...(attributes.length > 0 && { OTEL_RESOURCE_ATTRIBUTES: attributes.join(",") }),
    OTEL_TRACES_SAMPLER: `${followsCaller ? "parentbased_" : ""}${sampler}`,
    ...(isRatio && { OTEL_TRACES_SAMPLER_ARG: ratio }),
    OTEL_BSP_SCHEDULE_DELAY: tracing.exportEveryMs,
    OTEL_BSP_MAX_QUEUE_SIZE: tracing.spansMax,
  };
}

/** In the words of the file; certificates are long, and not secret, so that only their being there is said. */
function tlsOf({ trustedCertificates, clientCertificate, versionMin, serverName }: TlsOptions) {
  return {
    ...(trustedCertificates !== undefined && { ca: shortened }),
    ...(clientCertificate && { cert: shortened, key: mask }),
    ...(versionMin && { min_tls_version: versionMin.slice("TLSv".length) }),
    ...(serverName !== undefined && { server_name: serverName }),
  };
}

// Some providers' user is as secret as the password, or the same.
function loginOf(auth: RelayAuth) {
  if (auth.token === undefined) return { user: mask, pass: mask, ...(auth.method && { auth: auth.method }) };
  const { url, kind, scope } = auth.token;
  const secrets = {
    refresh_token: { client_id: mask, client_secret: mask, refresh_token: mask },
    client_credentials: { client_id: mask, client_secret: mask },
    service_account: { service_account: mask },
  };
  return { user: mask, auth: { method: auth.method, token_url: url, ...secrets[kind], ...(scope !== undefined && { scope }) } };
}

const ratesOf = (rates: readonly Rate[]) => (rates.length === 0 ? {} : { rate: rates.map(formatRate) });

function limitsOf({ rates, burst, domains, warmUp, ...limits }: RelayLimits) {
  const { messagesPerConnection, recipientsPerTransaction, messageBytesMax } = limits;
  const domainLimits = Object.entries(domains).map(([domain, { rates: own, burst: more, connections }]) => {
    return [domain, { ...ratesOf(own), ...(own.length > 0 && { burst: more }), ...(connections !== undefined && { connections }) }];
  });
  return {
    ...ratesOf(rates),
    ...(rates.length > 0 && { burst }),
    ...(messagesPerConnection !== undefined && { messages_per_connection: messagesPerConnection }),
    ...(recipientsPerTransaction !== undefined && { recipients_per_transaction: recipientsPerTransaction }),
    ...(messageBytesMax !== undefined && { max_message_size: formatSize(messageBytesMax) }),
    ...(domainLimits.length > 0 && { domains: Object.fromEntries(domainLimits) }),
    ...(warmUp && { warm_up: { since: new Date(warmUp.since).toISOString().slice(0, 10), daily: warmUp.daily } }),
  };
}

/** A proxy without its login; IPv6 in brackets. */
function proxyOf({ kind, host, port, auth }: RelayProxy): string {
  return `${kind}://${auth ? `${mask}@` : ""}${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function relayOf({ host, port, tls, verifyCertificate, tlsOptions, auth, proxy, connections, limits, returnPath }: RelayConfig) {
  return {
    host,
    port,
    ...(auth && loginOf(auth)),
    connections,
    tls,
    verify: verifyCertificate,
    ...(tlsOptions && tlsOf(tlsOptions)),
    ...(proxy && { proxy: proxyOf(proxy) }),
    ...(limits && limitsOf(limits)),
    ...(returnPath && { return_path: returnPath }),
  };
}

/** A rule as the file says it. */
function routeOf(route: Route) {
  const { relays, weights, ...conditions } = route;
  return { ...conditions, relays: weights ? new Map(relays.map((name) => [name, weightOf(route, name)])) : relays };
}

function lifeOf(life: number | "forever" | undefined): string {
  return typeof life === "number" ? formatDuration(life) : (life ?? "off");
}

/** In the words of the file. A public key is no secret, but long. */
function inboundOf({ ses, sendgrid, postmark, mailgun }: InboundConfig) {
  return {
    ...(ses && { ses: { topics: ses.topics.map(({ arn }) => arn) } }),
    ...(sendgrid && { sendgrid: { public_key: sendgrid.publicKeys.map(() => shortened) } }),
    ...(postmark && { postmark: { username: mask, password: mask } }),
    ...(mailgun && { mailgun: { signing_key: mask } }),
  };
}

function quotaOf({ requests, queued }: Quota) {
  return { requests: requests.length > 0 ? requests.map(formatRate) : "none", queued: queued ?? "none" };
}

function callerLimitsOf({ quotas: { perKey, perTenant, keys, tenants }, limits }: Config) {
  const named = (all: Readonly<Record<string, Quota>>) => new Map(Object.entries(all).map(([name, quota]) => [name, quotaOf(quota)]));
  return {
    ...{ per_key: quotaOf(perKey), per_tenant: quotaOf(perTenant), keys: named(keys), tenants: named(tenants) },
    ...{ connections: limits.connections, event_loop_delay: formatDuration(limits.eventLoopDelayMs) },
  };
}

/** The effective configuration as YAML, for people: `environment` holds the variables, the other keys are those of the file. */
export function printableConfig(config: Config): string {
  const { relays, routes, retry, timeouts, durability, webhooks, suppression, inbound, dkim } = config;
  return stringify({
    environment: variablesOf(config),
    relays: new Map(relays.map((relay) => [relay.name, relayOf(relay)])),
    routes: routes.map(routeOf),
    retry: { expire_after: formatDuration(retry.expireAfterMs), schedule: retry.scheduleMs.map(formatDuration) },
    timeouts: {
      connect: formatDuration(timeouts.connect),
      command: formatDuration(timeouts.command),
      after_dot: formatDuration(timeouts.afterDot),
      attempt: formatDuration(timeouts.attempt),
      owner_lease: formatDuration(timeouts.ownerLease),
    },
    ...(durability && {
      durability: {
        wait_replicas: durability.replicas,
        wait_fsync: durability.fsync,
        wait_timeout: formatDuration(durability.timeoutMs),
      },
    }),
    webhooks: { allow_private: webhooks.allowPrivate, timeout: formatDuration(webhooks.timeoutMs) },
    limits: callerLimitsOf(config),
    suppression: Object.fromEntries(suppressionCauses.map((cause) => [cause, lifeOf(suppression[cause])])),
    reports: { addresses: config.bounce.addresses },
    ...(Object.keys(inbound).length > 0 && { inbound: inboundOf(inbound) }),
    ...(dkim.length > 0 && { dkim: dkim.map(({ domain, selector, subdomains }) => ({ domain, selector, key: mask, subdomains })) }),
  });
}
