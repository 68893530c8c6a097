// Puts variables and file together: defaults, and the rules that hold between settings.
import { BlockList, isIP } from "node:net";
import { resolve } from "node:path";
import { createSecureContext } from "node:tls";
import type { Confirmation } from "../domain/durability.ts";
import { noQuotas } from "../domain/quotas.ts";
import type { RedisTarget } from "../domain/redisTarget.ts";
import type { RelayConfig } from "../domain/relay.ts";
import { defaultSuppressionPolicy, type SuppressionCause, type SuppressionPolicy } from "../domain/suppression.ts";
import type { Config, Role } from "./effective.ts";
import { type ConfigFault, inside, insideQuery } from "./faults.ts";
import { smtpUrlRelayName } from "./relays.ts";
import { checkRelaysOfRoutes, settleRoutes } from "./routes.ts";
import type { FileSections } from "./sections.ts";
import { tracingOf } from "./tracing.ts";
import type { Environment, VariableName, Variables } from "./variables.ts";

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const megabyte = 1024 ** 2;

const scheduleMs = [minuteMs, 5 * minuteMs, 15 * minuteMs, 30 * minuteMs, hourMs, 2 * hourMs];
/** Who tries something out waits in front of the screen. */
const sandboxScheduleMs = [secondMs, 2 * secondMs, 5 * secondMs];

/** An idle connection takes some 20 kB. */
const connectionsDefault = 5_000;
/** An answer takes a few turns of the event loop, and is promised within two seconds. */
const eventLoopDelayMsDefault = 400;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

function isLoopback(host: string): boolean {
  if (isIP(host) === 0) return host === "localhost";
  return loopback.check(host, isIP(host) === 6 ? "ipv6" : "ipv4");
}

type Parts = {
  env: Environment;
  cwd: string;
  isTerminal: boolean;
  role: Role | undefined;
  variables: Variables;
  /** Undefined if the file could not be read at all. */
  sections: FileSections | undefined;
  redisTarget: RedisTarget | undefined;
  smtpRelay: RelayConfig | undefined;
  faults: ConfigFault[];
};

type Complain = (name: VariableName, text: string) => void;

/** Whether this is the sandbox. Refuses the settings in which mail would vanish unasked, or be shown to the network. */
function decideSandbox({ env, variables, sections }: Parts, host: string, complain: Complain): boolean {
  const { set, values } = variables;
  const asked = values.POSTERN_SANDBOX;
  const hasRedis = set.has("REDIS_URL");
  // A file that cannot be read may well name relays.
  const hasRelay = set.has("SMTP_URL") || sections === undefined || sections.relayNames.length > 0;
  if (!hasRedis && env.NODE_ENV === "production" && values.POSTERN_EMBEDDED_REDIS !== true) {
    complain(
      "REDIS_URL",
      "is needed with NODE_ENV=production: set it, or POSTERN_EMBEDDED_REDIS=true to keep all mail in a Redis that Postern runs itself",
    );
  }
  if (asked === undefined && set.has("POSTERN_SANDBOX")) return false;
  const sandbox = asked ?? !(hasRedis || hasRelay);
  if (!hasRelay && !asked && (hasRedis || !sandbox)) {
    complain(
      "SMTP_URL",
      "no relay is configured, so that mail has nowhere to go: set it, or relays in the file, or POSTERN_SANDBOX=true to only catch mail",
    );
  }
  if (sandbox && !asked && !isLoopback(host)) {
    complain(
      "HOST",
      "would open the sandbox to the network: set SMTP_URL or relays in the file, or POSTERN_SANDBOX=true if that is wanted",
    );
  }
  return sandbox;
}

/** Two of our own listeners on one port; the later of them would only fail at start. */
function refuseSharedPorts({ role, http, metrics, bounce, returnPathDomain }: Config, complain: Complain): void {
  const listeners = [
    { name: "PORT" as const, ...http, used: role !== "worker" },
    { name: "METRICS_PORT" as const, host: http.host, ...metrics, used: true },
    { name: "BOUNCE_PORT" as const, ...bounce, used: role !== "api" && returnPathDomain !== undefined },
  ].filter(({ used, port }) => used && port !== 0);
  const isWildcard = (host: string) => host === "0.0.0.0" || host === "::";
  for (const [index, later] of listeners.entries()) {
    const other = listeners.slice(0, index).find(({ host, port }) => {
      return port === later.port && (host === later.host || isWildcard(host) || isWildcard(later.host));
    });
    if (other) complain(later.name, `is the same port as ${other.name}: give each its own`);
  }
}

/** Settings of the report intake that would do nothing, or fail only once the first server comes. */
function checkReports({ relays, bounce, returnPathDomain }: Config, { sections, variables, faults }: Parts, complain: Complain): void {
  for (const [name, other] of [
    ["BOUNCE_TLS_CERT", "BOUNCE_TLS_KEY"],
    ["BOUNCE_TLS_KEY", "BOUNCE_TLS_CERT"],
  ] as const) {
    if (variables.set.has(name) && !variables.set.has(other)) complain(name, `is set without ${other}: give both or neither`);
  }
  if (bounce.tls) {
    try {
      createSecureContext(bounce.tls);
    } catch {
      complain("BOUNCE_TLS_CERT", "and BOUNCE_TLS_KEY do not belong together, or one of them is damaged or has a passphrase");
    }
  }
  if (returnPathDomain !== undefined || variables.set.has("RETURN_PATH_DOMAIN")) return;
  const source = sections?.source ?? "";
  if (bounce.addresses.length > 0) {
    faults.push({ source, path: "reports.addresses", text: "has no effect without the listener for reports: set RETURN_PATH_DOMAIN" });
  }
  for (const { name, returnPath } of relays) {
    if (returnPath !== "own") continue;
    const at = sections?.relayNames.includes(name)
      ? { source, path: `relays.${name}.return_path` }
      : insideQuery({ source: variables.sourceOf("SMTP_URL"), path: "" }, "return_path");
    faults.push({ ...at, text: "needs a domain of our own: set RETURN_PATH_DOMAIN, or leave it out" });
  }
}

/** What is left of the causes when those that are off are taken out. */
function suppressionPolicy(lives: Partial<Record<SuppressionCause, number | "forever" | "off">>): SuppressionPolicy {
  return Object.fromEntries(Object.entries(lives).filter(([, life]) => life !== "off"));
}

/** What receipts wait for; undefined: nothing. Refuses what would have no effect, or could never be had. */
function settleDurability({ sections, redisTarget, variables, faults }: Parts): Confirmation | undefined {
  if (!sections) return undefined;
  const { given, at } = sections.durability;
  const { wait_replicas: replicas = 0, wait_fsync: fsync = false, wait_timeout: timeoutMs } = given;
  const complain = (key: keyof typeof given, text: string) => void faults.push({ ...inside(at, key), text });
  if (replicas > 0 && !redisTarget && !variables.set.has("REDIS_URL")) {
    complain("wait_replicas", "waits for replicas that an embedded Redis does not have: set REDIS_URL, or leave it out");
  }
  if (replicas > 0 || fsync) return { replicas, fsync, timeoutMs: timeoutMs ?? secondMs };
  if (timeoutMs !== undefined) complain("wait_timeout", "has no effect alone: set wait_replicas or wait_fsync too");
  return undefined;
}

/** Applies every default and every rule between settings; what it returns holds only if there is no fault at all. */
export function assemble(parts: Parts): Config {
  const { env, cwd, isTerminal, variables, sections, redisTarget, smtpRelay, faults } = parts;
  const { values, sourceOf } = variables;
  const complain: Complain = (name, text) => void faults.push({ source: sourceOf(name), path: "", text });

  const host = values.HOST ?? "127.0.0.1";
  const sandbox = decideSandbox(parts, host, complain);
  const relays = [...(sections?.relays ?? []), ...(smtpRelay ? [smtpRelay] : [])];
  if (sections?.relayNames.includes(smtpUrlRelayName) && variables.set.has("SMTP_URL")) {
    complain("SMTP_URL", `becomes the relay ${smtpUrlRelayName}, which the file names too: rename the one in the file`);
  }
  const routes = sections?.routes ?? [];
  checkRelaysOfRoutes(routes, [...(sections?.relayNames ?? []), ...(variables.set.has("SMTP_URL") ? [smtpUrlRelayName] : [])], faults);
  const returnPathDomain = values.RETURN_PATH_DOMAIN ?? (sandbox ? "sandbox.test" : undefined);
  const messageMs = values.MESSAGE_RETENTION ?? 7 * dayMs;
  const durability = settleDurability(parts);
  const tracing = tracingOf(variables, complain);
  const { retry, timeouts, webhooks, suppression } = sections ?? { retry: {}, timeouts: {}, webhooks: {}, suppression: {} };

  const config: Config = {
    role: parts.role ?? values.POSTERN_ROLE ?? "all",
    production: env.NODE_ENV === "production",
    sandbox,
    http: { host, port: values.PORT ?? 8080 },
    metrics: { port: values.METRICS_PORT ?? 9464 },
    dataDir: resolve(cwd, values.POSTERN_DATA_DIR ?? ".postern"),
    redis: redisTarget ? { kind: "url", target: redisTarget } : { kind: "embedded" },
    embeddedRedisAllowed: env.NODE_ENV !== "production" || values.POSTERN_EMBEDDED_REDIS === true,
    relays,
    routes: settleRoutes(routes, relays, smtpRelay),
    retry: {
      expireAfterMs: retry.expire_after ?? 72 * hourMs,
      scheduleMs: retry.schedule ?? [...(sandbox ? sandboxScheduleMs : scheduleMs)],
    },
    timeouts: {
      connect: timeouts.connect ?? 30 * secondMs,
      command: timeouts.command ?? 5 * minuteMs,
      afterDot: timeouts.after_dot ?? 10 * minuteMs,
      attempt: timeouts.attempt ?? 30 * minuteMs,
      ownerLease: timeouts.owner_lease ?? 60 * secondMs,
    },
    ...(durability && { durability }),
    webhooks: { allowPrivate: webhooks.allow_private ?? false, timeoutMs: webhooks.timeout ?? 15 * secondMs },
    suppression: suppressionPolicy({ ...defaultSuppressionPolicy, ...suppression }),
    ...(values.PUBLIC_URL !== undefined && { publicUrl: values.PUBLIC_URL }),
    ...(values.UNSUBSCRIBE_SECRETS !== undefined && { unsubscribeSecrets: values.UNSUBSCRIBE_SECRETS }),
    dkim: sections?.dkim ?? [],
    ...(values.POSTERN_API_KEY !== undefined && { apiKey: values.POSTERN_API_KEY }),
    ...(returnPathDomain !== undefined && { returnPathDomain }),
    ...(values.RETURN_PATH_SECRETS !== undefined && { returnPathSecrets: values.RETURN_PATH_SECRETS }),
    bounce: {
      host: values.BOUNCE_HOST ?? host,
      port: values.BOUNCE_PORT ?? (sandbox ? 0 : 2525),
      ...(values.BOUNCE_TLS_CERT !== undefined &&
        values.BOUNCE_TLS_KEY !== undefined && { tls: { cert: values.BOUNCE_TLS_CERT, key: values.BOUNCE_TLS_KEY } }),
      addresses: sections?.reports.addresses ?? [],
    },
    inbound: sections?.inbound ?? {},
    log: { level: values.LOG_LEVEL ?? "info", format: values.LOG_FORMAT ?? (isTerminal ? "pretty" : "json") },
    ...(tracing && { tracing }),
    retention: {
      messageMs,
      contentMs: values.CONTENT_RETENTION ?? (sandbox ? messageMs : 0),
      failedContentMs: values.FAILED_CONTENT_RETENTION ?? (sandbox ? messageMs : dayMs),
    },
    limits: {
      maxMessageSizeBytes: values.MAX_MESSAGE_SIZE ?? 25 * megabyte,
      maxBatchSizeBytes: values.MAX_BATCH_SIZE ?? 50 * megabyte,
      connections: sections?.limits.process.connections ?? connectionsDefault,
      eventLoopDelayMs: sections?.limits.process.event_loop_delay ?? eventLoopDelayMsDefault,
    },
    quotas: sections?.limits.quotas ?? noQuotas,
    path: env.PATH ?? "",
  };
  refuseSharedPorts(config, complain);
  checkReports(config, parts, complain);
  if (config.role !== "all" && !redisTarget && !variables.set.has("REDIS_URL")) {
    complain("REDIS_URL", `is needed in the role ${config.role}: set it, for an embedded Redis serves one process, which does everything`);
  }
  return config;
}
