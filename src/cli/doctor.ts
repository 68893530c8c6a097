// `postern doctor`: looks at everything that sending mail stands on, and says of each fault what mends it. It sends nothing.

import { showRedisTarget } from "../config/redis.ts";
import type { Config } from "../config.ts";
import { checkDomain } from "../domain/address.ts";
import type { RelayConfig } from "../domain/relay.ts";
import { joinRedis } from "../start/redis.ts";
import { createUnwinding } from "../start/unwinding.ts";
import { type Connection, connect } from "../store/connection.ts";
import { createTokenShelf } from "../store/relayTokens.ts";
import { createLogger } from "../telemetry/logger.ts";
import { checkDkim } from "./doctor/dkimCheck.ts";
import { checkDmarc } from "./doctor/dmarcCheck.ts";
import { createDns, type Dns, isDnsServer } from "./doctor/dns.ts";
import { type Finding, findingsOn, zoneLine } from "./doctor/finding.ts";
import { checkRedis, redisUnreachable } from "./doctor/redisCheck.ts";
import { checkRelay } from "./doctor/relayCheck.ts";
import { checkReturnPath } from "./doctor/returnPathCheck.ts";
import { returnPathUses, senderIdentities } from "./doctor/senders.ts";
import { checkSpf } from "./doctor/spfCheck.ts";
import type { Terminal } from "./terminal.ts";

export type DoctorOptions = { dns?: string; from?: string[]; json?: boolean };

const redisPatienceMs = 3_000;

const sandboxDomain = "sandbox.test";

const verdictWords = { ok: "ok     ", warning: "WARNING", fault: "FAULT  ", skipped: "skipped" } as const;

/** Runs every check. 0 if nothing is at fault (warnings may be), 1 if something is, 2 for wrong options. */
export async function doctor(terminal: Terminal, config: Config, options: DoctorOptions): Promise<number> {
  const { from, faults } = readOptions(options);
  for (const fault of faults) terminal.err(fault);
  if (faults.length > 0) return 2;
  const found: Finding[] = [];
  const say = (findings: readonly Finding[]) => {
    found.push(...findings);
    if (!options.json) for (const finding of findings) for (const line of linesOf(finding)) terminal.out(line);
  };
  const dns = createDns(options.dns);
  const { onStop, stop } = createUnwinding(createLogger({ level: "silent", format: "json" }));
  try {
    const redis = await lookAtRedis(config, terminal, onStop);
    say(redis.findings);
    // All at once, said in their order: each may wait for a time of its own.
    const checks = [...relayChecks(config, redis.connection), ...dnsChecks(config, dns, from)];
    const running = checks.map((begin) => begin());
    // A fault of ours in one of them is told when its turn comes.
    for (const check of running) check.catch(() => undefined);
    for (const check of running) say(await check);
  } finally {
    await stop();
  }
  const count = (verdict: Finding["verdict"]) => found.filter((finding) => finding.verdict === verdict).length;
  const [faulty, warnings] = [count("fault"), count("warning")];
  if (options.json) terminal.out(JSON.stringify({ ok: faulty === 0, faults: faulty, warnings, findings: found.map(findingView) }));
  else terminal.out(faulty + warnings === 0 ? "Everything is well." : `${counted(faulty, "fault")}, ${counted(warnings, "warning")}.`);
  return faulty === 0 ? 0 : 1;
}

/** The sender domains in their canonical form, and what is wrong with the options. */
function readOptions({ dns, from: given = [] }: DoctorOptions): { from: string[]; faults: string[] } {
  const faults: string[] = [];
  if (dns !== undefined && !isDnsServer(dns)) faults.push("--dns: must be the IP address of a DNS server, like 1.1.1.1 or 127.0.0.1:5353");
  const from = given.flatMap((domain) => {
    const checked = checkDomain(domain);
    if ("domain" in checked) return [checked.domain];
    faults.push(`--from: ${domain} ${checked.fault}`);
    return [];
  });
  return { from, faults };
}

type Look = { findings: Finding[]; connection: Connection | undefined };

async function lookAtRedis(config: Config, terminal: Terminal, onStop: (step: () => Promise<unknown>) => void): Promise<Look> {
  const where = config.redis.kind === "url" ? showRedisTarget(config.redis.target) : "embedded";
  const log = createLogger({ level: "silent", format: "json" });
  try {
    const target = await joinRedis(config, { log, say: terminal.err, onFailure: () => undefined }, onStop);
    const connection = await connect(target, log, redisPatienceMs);
    onStop(() => connection.close());
    const options = { where, wantsFsync: config.durability?.fsync ?? false, isCluster: target.kind === "cluster" };
    return { findings: await checkRedis(connection, options), connection };
  } catch (error) {
    return { findings: redisUnreachable(where, error as Error), connection: undefined };
  }
}

type Check = () => Promise<Finding[]>;

function relayChecks(config: Config, connection: Connection | undefined): Check[] {
  if (config.relays.length === 0) return [nothingToDo("relay", "sandbox", "the sandbox catches all mail: no relay is configured")];
  return config.relays.map((relay: RelayConfig) => () => {
    const { auth } = relay;
    const tokenShelf = auth?.token && connection ? createTokenShelf(connection, auth) : undefined;
    return checkRelay({ config: relay, timeouts: config.timeouts, messageBytesMax: config.limits.maxMessageSizeBytes, tokenShelf });
  });
}

function dnsChecks(config: Config, dns: Dns, from: readonly string[]): Check[] {
  const { dkim } = config;
  // The sandbox's own domain is known nowhere else.
  const returnPathDomain = config.sandbox && config.returnPathDomain === sandboxDomain ? undefined : config.returnPathDomain;
  if (config.relays.length === 0)
    return [nothingToDo("return_path", "sandbox", "no mail leaves the sandbox: DNS was not asked for anything")];
  const senders = senderIdentities(config, from);
  const returnPaths = returnPathUses(config, senders).filter(({ domain }) => domain !== sandboxDomain);
  return [
    ...dkim.map((key) => () => checkDkim(key, dns)),
    ...(dkim.length === 0 ? [nothingToDo("dkim", "dkim", "no key is configured: Postern signs nothing, which relays may do")] : []),
    ...returnPaths.map(
      ({ domain, relays }) =>
        () =>
          checkSpf({ domain, relays, dns }),
    ),
    ...senders.map((identity) => () => checkDmarc(identity, dns)),
    ...(senders.length === 0 ? [nothingToDo("dmarc", "dmarc", "no sender domain is known: name one with --from example.com")] : []),
    returnPathDomain === undefined
      ? nothingToDo("return_path", "return_path", "RETURN_PATH_DOMAIN is not set: bounces of real mail go to each message's sender")
      : () => checkReturnPath(returnPathDomain, dns),
  ];
}

function nothingToDo(area: Finding["area"], subject: string, text: string): Check {
  const findings = findingsOn(area, subject);
  findings.skipped(text);
  return async () => findings.list;
}

function linesOf({ area, subject, verdict, text, remedy, record }: Finding): string[] {
  const name = area.replace("_", " ");
  const indent = " ".repeat(verdictWords.ok.length + 2);
  return [
    `${verdictWords[verdict]}  ${subject === area || subject === "" ? name : `${name} ${subject}`}: ${text}`,
    ...(remedy === undefined ? [] : [`${indent}→ ${remedy}`]),
    ...(record ? [`${indent}  ${zoneLine(record)}`] : []),
  ];
}

function findingView({ remedy, record, ...finding }: Finding) {
  return { ...finding, remedy: remedy ?? null, record: record ? { ...record, zone_line: zoneLine(record) } : null };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
