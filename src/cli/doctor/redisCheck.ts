// Whether Redis keeps what Postern has acknowledged, and has room for more.

import type { Connection } from "../../store/connection.ts";
import { inspectRedis, type RedisFacts } from "../../store/inspection.ts";
import { type Finding, type Findings, findingsOn } from "./finding.ts";

/** What the store's scripts need (ZADD … LT, SET … KEEPTTL), and what WAITAOF needs (`durability.wait_fsync`). */
const versionMin = [6, 2] as const;
const fsyncVersionMin = [7, 2] as const;
const fullShare = 0.8;
/** A receipt takes several round trips in sequence. */
const slowMs = 20;
const rightsRemedy = "give the user of REDIS_URL the rights to all commands on keys and channels like {postern:*";

/** What can be said of a connection that did not come about, and the way out. */
export function redisUnreachable(where: string, error: Error): Finding[] {
  const findings = findingsOn("redis", where);
  const message = error.message.replace(/^Redis does not answer: /, "");
  findings.fault(`cannot be used: ${message}`, wayOut(message));
  return findings.list;
}

function wayOut(message: string): string {
  if (/NOAUTH|WRONGPASS|invalid password|AUTH failed/i.test(message)) return "correct user and password in REDIS_URL";
  if (/NOPERM/.test(message)) return rightsRemedy;
  if (/ECONNREFUSED/.test(message)) return "start Redis, or correct host and port in REDIS_URL";
  if (/ENOTFOUND|EAI_AGAIN/.test(message)) return "correct the host in REDIS_URL, or this machine's DNS";
  if (/ENOENT|EACCES/.test(message)) return "correct the socket's path in REDIS_URL, or its permissions";
  if (/wrong version number|packet length|EPROTO/i.test(message))
    return "that port speaks no TLS: use redis:// in REDIS_URL, or Redis' TLS port";
  if (/certificate|self.signed|altname/i.test(message))
    return "let Node trust the issuer (NODE_EXTRA_CA_CERTS), or add ?verify=false to REDIS_URL";
  if (/LOADING/.test(message)) return "wait until Redis has loaded its data";
  if (/cluster support disabled/i.test(message)) return "it is no cluster: name one server in REDIS_URL, or sentinels (redis+sentinel://)";
  if (/^CLUSTERDOWN/.test(message)) return "bring back the node that owns the slot, or its replica; see CLUSTER INFO";
  if (/Connection is closed|no connection within|ECONNRESET/.test(message))
    return "look for a firewall; and if that port wants TLS, use rediss:// in REDIS_URL";
  return "correct REDIS_URL, and look into Redis' own log";
}

/**
 * Checks a Redis that answers.
 * @param options.wantsFsync whether receipts are to wait for the disk by WAITAOF
 * @param options.isCluster whether the connection finds its node in a cluster by itself
 */
export async function checkRedis(
  connection: Connection,
  options: { where: string; wantsFsync: boolean; isCluster?: boolean },
): Promise<Finding[]> {
  const findings = findingsOn("redis", options.where);
  const facts = await inspectRedis(connection);
  checkVersion(facts, options.wantsFsync, findings);
  checkRole(facts, options.isCluster ?? false, findings);
  checkPersistence(facts, findings);
  checkMemory(facts, findings);
  if (facts.latencyMs > slowMs) {
    findings.warning(
      `a round trip takes ${Math.round(facts.latencyMs)} ms, and a receipt needs several`,
      "bring Postern and Redis closer together, or give Redis more of a processor",
    );
  }
  return findings.list;
}

function isBelow(version: string, [major, minor]: readonly [number, number]): boolean {
  const [its = 0, its2 = 0] = version.split(".").map(Number);
  return its < major || (its === major && its2 < minor);
}

function checkVersion({ info, latencyMs }: RedisFacts, wantsFsync: boolean, findings: Findings): void {
  if (!info) {
    findings.warning(
      "it does not tell what it is (INFO is refused): version, memory and role are unknown",
      "allow the user of REDIS_URL the command INFO",
    );
    return;
  }
  // Valkey names a version of Redis for compatibility, and its own beside it.
  const [name, version] = info.has("valkey_version")
    ? ["Valkey", info.get("valkey_version") ?? ""]
    : ["Redis", info.get("redis_version") ?? ""];
  const compatible = info.get("redis_version") ?? "";
  const wanted = (min: readonly [number, number]) => `Redis ${min.join(".")} or later, or Valkey`;
  if (isBelow(compatible, versionMin)) findings.fault(`${name} ${version} is too old`, `use ${wanted(versionMin)}`);
  else if (wantsFsync && name === "Redis" && isBelow(compatible, fsyncVersionMin)) {
    findings.fault(
      `${name} ${version} cannot wait for the disk, which durability.wait_fsync wants`,
      `use ${wanted(fsyncVersionMin)}; or leave wait_fsync out and set appendfsync always`,
    );
  } else findings.ok(`${name} ${version} answers (${latencyMs < 1 ? "under 1" : Math.round(latencyMs)} ms)`);
}

/** By the beginning of Redis' own words. */
const writeRemedies: Readonly<Record<string, string>> = {
  OOM: "its memory is full: raise maxmemory, or give it a machine with more",
  NOPERM: rightsRemedy,
  MISCONF: "it cannot write to its disk: make room there, and look into Redis' own log",
  NOREPLICAS: "bring its replicas back, or lower min-replicas-to-write",
};

function checkRole({ info, writeFault }: RedisFacts, isFollowed: boolean, findings: Findings): void {
  if (info?.get("cluster_enabled") === "1" && !isFollowed) {
    const remedy = "name several of its nodes in REDIS_URL (redis://a:6379,b:6379), or add ?cluster=true to an address that leads to all";
    findings.fault("it is one node of a Redis Cluster, and the slot of Postern's keys may be another's, now or later", remedy);
  } else if (info?.get("role") === "slave") {
    const remedy = "name the primary in REDIS_URL, or the sentinels, which know it (redis+sentinel://)";
    findings.fault("it is a replica: it takes no writes", remedy);
  } else if (writeFault === undefined) {
    findings.ok("it takes writes");
  } else {
    const word = writeFault.split(" ", 1)[0] ?? "";
    findings.fault(`it refuses writes (${writeFault.slice(0, 200)})`, writeRemedies[word] ?? "look into Redis' own log");
  }
}

function checkPersistence({ info, settings }: RedisFacts, findings: Findings): void {
  const appendOnly =
    settings?.get("appendonly") ?? (info?.get("aof_enabled") === undefined ? undefined : info.get("aof_enabled") === "1" ? "yes" : "no");
  if (appendOnly === undefined) {
    findings.warning(
      "it does not tell whether it keeps what it acknowledges (CONFIG and INFO are refused)",
      "look it up at your provider: append-only file, eviction policy noeviction",
    );
  } else if (appendOnly !== "yes") {
    findings.fault(
      "it forgets: there is no append-only file, and a restart loses mail that was acknowledged",
      "set appendonly yes and appendfsync always",
    );
  } else if (settings?.get("appendfsync") === undefined) {
    findings.warning(
      "it keeps an append-only file, but does not tell how often it is synced (CONFIG is refused)",
      "look it up at your provider, or set durability.wait_fsync",
    );
  } else if (settings.get("appendfsync") !== "always") {
    findings.warning(
      `appendfsync is ${settings.get("appendfsync")}: a crash may lose ${settings.get("appendfsync") === "no" ? "half a minute" : "a second"} of acknowledged mail`,
      "set appendfsync always, or durability.wait_fsync",
    );
  } else findings.ok("every write is on disk before it is acknowledged");
  if (info?.get("aof_last_write_status") === "err" || info?.get("aof_last_bgrewrite_status") === "err") {
    findings.fault("its last write to the append-only file failed", "make room on its disk, and look into Redis' own log");
  }
  const policy = settings?.get("maxmemory-policy") ?? info?.get("maxmemory_policy");
  if (policy !== undefined && policy !== "noeviction")
    findings.fault(`maxmemory-policy is ${policy}: a full Redis throws mail away`, "set maxmemory-policy noeviction");
}

function checkMemory({ info }: RedisFacts, findings: Findings): void {
  if (!info) return;
  const count = (name: string) => Number(info.get(name) ?? 0);
  const used = Math.max(0, count("used_memory") - count("mem_not_counted_for_evict"));
  const limit = count("maxmemory");
  const system = count("total_system_memory");
  const rounded = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MB`;
  if (limit > 0) {
    const share = used / limit;
    const text = `its memory is ${Math.round(share * 100)}% full (${rounded(used)} of ${rounded(limit)})`;
    if (share >= 1) findings.fault(`${text}: new mail is refused`, "raise maxmemory, or keep content and messages for less long");
    else if (share > fullShare)
      findings.warning(`${text}; from 90% on new mail is refused`, "raise maxmemory, or keep content and messages for less long");
    else findings.ok(text);
  } else if (system > 0 && used > fullShare * system) {
    findings.warning(
      `it uses ${rounded(used)} of the machine's ${rounded(system)}, and no maxmemory stops it`,
      "set maxmemory below what the machine has, so that new mail is refused in time",
    );
  } else findings.ok(`it uses ${rounded(used)} of memory, without a limit of its own`);
}
