// Puts variables and file together: defaults, and the rules that hold between settings.
import { BlockList, isIP } from "node:net";
import { resolve } from "node:path";
import { noQuotas } from "../domain/quotas.ts";
import type { RedisTarget } from "../domain/redisTarget.ts";
import type { RelayConfig } from "../domain/relay.ts";
import type { Route } from "../domain/routes.ts";
import type { Config, Role } from "./effective.ts";
import { type ConfigFault, inside, nearest } from "./faults.ts";
import { smtpUrlRelayName } from "./relays.ts";
import type { FileSections } from "./sections.ts";
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

/** The rules as they are used: that of SMTP_URL is last in each; without rules all relays, in order, carry everything. */
function settleRoutes({ sections, variables, smtpRelay, faults }: Parts, relays: readonly RelayConfig[]): Route[] {
  const rules = sections?.routes ?? [];
  const known = [...(sections?.relayNames ?? []), ...(variables.set.has("SMTP_URL") ? [smtpUrlRelayName] : [])];
  for (const { route, at } of rules) {
    for (const [index, name] of route.relays.entries()) {
      const place = inside(inside(at, "relays"), index);
      const meant = nearest(name, known);
      const advice = meant ? `did you mean ${meant}?` : known.length > 0 ? `there are ${known.join(", ")}` : "there is none at all";
      if (!known.includes(name)) faults.push({ ...place, text: `no relay has this name: ${advice}` });
      else if (route.relays.indexOf(name) < index)
        faults.push({ ...place, text: "names a relay that the rule names before: leave it out" });
    }
  }
  if (rules.length === 0) return relays.length === 0 ? [] : [{ relays: relays.map(({ name }) => name) }];
  return rules.map(({ route }) => {
    const last = smtpRelay && !route.relays.includes(smtpRelay.name) ? [smtpRelay.name] : [];
    return { ...route, relays: [...route.relays, ...last] };
  });
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
  const returnPathDomain = values.RETURN_PATH_DOMAIN ?? (sandbox ? "sandbox.test" : undefined);
  const messageMs = values.MESSAGE_RETENTION ?? 7 * dayMs;
  const { retry, timeouts, webhooks } = sections ?? { retry: {}, timeouts: {}, webhooks: {} };

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
    routes: settleRoutes(parts, relays),
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
    webhooks: { allowPrivate: webhooks.allow_private ?? false },
    ...(values.POSTERN_API_KEY !== undefined && { apiKey: values.POSTERN_API_KEY }),
    ...(returnPathDomain !== undefined && { returnPathDomain }),
    bounce: { host: values.BOUNCE_HOST ?? host, port: values.BOUNCE_PORT ?? (sandbox ? 0 : 2525) },
    log: { level: values.LOG_LEVEL ?? "info", format: values.LOG_FORMAT ?? (isTerminal ? "pretty" : "json") },
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
  if (config.role !== "all" && !redisTarget && !variables.set.has("REDIS_URL")) {
    complain("REDIS_URL", `is needed in the role ${config.role}: set it, for an embedded Redis serves one process, which does everything`);
  }
  return config;
}
