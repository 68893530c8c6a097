// Proves what the doctor says of a Redis: real ones, each with one thing wrong.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { pino } from "pino";
import type { Finding } from "../../../src/cli/doctor/finding.ts";
import { checkRedis, redisUnreachable } from "../../../src/cli/doctor/redisCheck.ts";
import { readRedisUrl } from "../../../src/config/redis.ts";
import { connect } from "../../../src/store/connection.ts";
import { freePort } from "../../support/freePort.ts";
import { startRedis } from "../../support/redis.ts";
import { waitFor } from "../../support/waitFor.ts";

const log = pino({ level: "silent" });

async function examine(url: string, wantsFsync = false): Promise<Finding[]> {
  const target = readRedisUrl(url, "REDIS_URL", []);
  if (!target) throw new Error(`${url} is no URL`);
  try {
    const connection = await connect(target, log, 500);
    try {
      return await checkRedis(connection, { where: "here", wantsFsync, isCluster: target.kind === "cluster" });
    } finally {
      await connection.close();
    }
  } catch (error) {
    return redisUnreachable("here", error as Error);
  }
}

async function redisWith(t: TestContext, options: Parameters<typeof startRedis>[0] = {}) {
  const redis = await startRedis(options);
  t.after(redis.stop);
  return redis;
}

const bad = (findings: readonly Finding[]) =>
  findings.filter(({ verdict }) => verdict !== "ok").map(({ verdict, text }) => `${verdict}: ${text}`);

/** The only thing that is not well. */
function complaint(findings: readonly Finding[]): string {
  assert.equal(bad(findings).length, 1, JSON.stringify(findings));
  return bad(findings)[0] ?? "";
}

test("a Redis that syncs every write, evicts nothing and has room is well, and the trial leaves nothing behind", async (t) => {
  const redis = await redisWith(t, { maxmemory: "64mb" });
  const findings = await examine(redis.url);
  assert.deepEqual(bad(findings), []);
  assert.match(
    findings.map(({ text }) => text).join("\n"),
    /^Redis \d+\.\d+\.\d+ answers .*\nit takes writes\nevery write is on disk .*\nits memory is \d+% full \(\d+ MB of 64 MB\)$/,
  );
  await waitFor(async () => (await redis.command("EXISTS", "{postern:0}:trial")) === ":0", { what: "the trial key to be gone" });
});

test("what makes Redis forget is told: no append-only file, a lazy one, eviction", async (t) => {
  const redis = await redisWith(t, { maxmemory: "64mb" });
  await redis.command("CONFIG", "SET", "appendfsync", "everysec");
  assert.match(complaint(await examine(redis.url)), /^warning: appendfsync is everysec: a crash may lose a second/);
  await redis.command("CONFIG", "SET", "appendfsync", "always");
  await redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  assert.match(complaint(await examine(redis.url)), /^fault: maxmemory-policy is allkeys-lru/);
  await redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
  await redis.command("CONFIG", "SET", "appendonly", "no");
  assert.match(complaint(await examine(redis.url)), /^fault: it forgets: there is no append-only file/);
});

test("a Redis that is nearly full is a warning, a full one a fault in its own words", async (t) => {
  const redis = await redisWith(t, { args: ["--enable-debug-command", "yes"] });
  // Only what is used now can be compared with the limit, so the limit moves.
  await redis.command("DEBUG", "POPULATE", "20000", "key", "500");
  const used = async () => {
    await redis.command("CONFIG", "SET", "maxmemory", "0");
    const said = (await examine(redis.url)).map(({ text }) => /it uses (\d+) MB/.exec(text)?.[1]).find((text) => text !== undefined);
    return Number(said) * 1024 ** 2;
  };
  await redis.command("CONFIG", "SET", "maxmemory", String(Math.round((await used()) / 0.88)));
  assert.match(complaint(await examine(redis.url)), /^warning: its memory is [89]\d% full .*from 90% on new mail is refused/);
  await redis.command("CONFIG", "SET", "maxmemory", "4mb");
  const [writes, memory] = bad(await examine(redis.url));
  assert.match(writes ?? "", /^fault: it refuses writes \(OOM command not allowed/);
  assert.match(memory ?? "", /^fault: its memory is \d{3}% full .*: new mail is refused$/);
});

test("a replica is a fault: it takes no writes", async (t) => {
  const primary = await redisWith(t);
  const replica = await redisWith(t, { args: ["--replicaof", `127.0.0.1 ${primary.port}`] });
  assert.match(complaint(await examine(replica.url)), /^fault: it is a replica/);
});

test("a Redis that tells nothing of itself is warned of, not condemned", async (t) => {
  const redis = await redisWith(t);
  await redis.command("ACL", "SETUSER", "app", "on", ">s3cret", "~*", "&*", "+@all", "-info", "-config");
  const findings = bad(await examine(`redis://app:s3cret@127.0.0.1:${redis.port}`));
  assert.deepEqual(
    findings.map((text) => text.split(")", 1)[0]),
    [
      "warning: it does not tell what it is (INFO is refused",
      "warning: it does not tell whether it keeps what it acknowledges (CONFIG and INFO are refused",
    ],
  );
});

test("what receipts wait for must be had from this version", async (t) => {
  const redis = await redisWith(t);
  const [first] = await examine(redis.url, true);
  const [, major = 0, minor = 0] = /Redis (\d+)\.(\d+)/.exec(first?.text ?? "")?.map(Number) ?? [];
  assert.equal(first?.verdict, major > 7 || (major === 7 && minor >= 2) ? "ok" : "fault");
});

test("a user without the rights to write is a fault, with Redis' words and never the password", async (t) => {
  const redis = await redisWith(t);
  await redis.command("ACL", "SETUSER", "app", "on", ">s3cret", "~other:*", "+@all");
  const findings = await examine(`redis://app:s3cret@127.0.0.1:${redis.port}`);
  assert.match(complaint(findings), /^fault: it refuses writes \(NOPERM/);
  assert.doesNotMatch(JSON.stringify(findings), /s3cret/);
});

test("a node of a cluster is a fault where it is taken for a Redis by itself, and well where its cluster is known", async (t) => {
  const node = await redisWith(t, { args: ["--cluster-enabled", "yes", "--cluster-port", String(await freePort())] });
  await node.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await waitFor(async () => (await node.command("SET", "serves", "1")) === "+OK", { what: "the node to serve" });
  assert.match(complaint(await examine(node.url)), /^fault: it is one node of a Redis Cluster/);
  assert.deepEqual(bad(await examine(`${node.url}?cluster=true`)), []);
  await node.command("CLUSTER", "DELSLOTSRANGE", "0", "16383");
  const [finding] = await examine(`${node.url}?cluster=true`);
  assert.match(`${finding?.text}: ${finding?.remedy}`, /CLUSTERDOWN no node serves the slot .* bring back the node/);
});

test("why there is no connection is told with the way out", async (t) => {
  const open = await redisWith(t);
  await open.command("ACL", "SETUSER", "app", "on", ">s3cret", "~*", "+@all");
  const cases: [string, RegExp, RegExp][] = [
    [`redis://127.0.0.1:${await freePort()}`, /ECONNREFUSED/, /start Redis, or correct host and port/],
    ["redis://redis.invalid", /ENOTFOUND|EAI_AGAIN/, /correct the host/],
    ["unix:///nowhere/redis.sock", /ENOENT/, /socket's path/],
    [`redis://app:wr0ng@127.0.0.1:${open.port}`, /WRONGPASS/, /user and password/],
    [`rediss://127.0.0.1:${open.port}`, /./, /speaks no TLS|rediss:/],
    [`redis://127.0.0.1:${open.port},127.0.0.1:${open.port}`, /cluster support disabled/, /it is no cluster: name one server/],
  ];
  for (const [url, text, remedy] of cases) {
    const [finding] = await examine(url);
    assert.equal(finding?.verdict, "fault", url);
    assert.match(finding?.text ?? "", text, url);
    assert.match(finding?.remedy ?? "", remedy, url);
    assert.doesNotMatch(JSON.stringify(finding), /wr0ng/);
  }
});
