// Proves that a connection to a cluster, or by sentinels, leads to the node that has the keys, and what is told when there is none.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pino } from "pino";
import { readRedisUrl } from "../../src/config/redis.ts";
import { type Connection, connect, isStoreUnavailable } from "../../src/store/connection.ts";
import { inspectRedis } from "../../src/store/inspection.ts";
import { loadScript, runScript } from "../../src/store/scripts.ts";
import { type AtEnd, atEndOf } from "../support/atEnd.ts";
import { selfSignedCertificate } from "../support/certificate.ts";
import { freePort } from "../support/freePort.ts";
import { startProcess } from "../support/process.ts";
import { startRedis } from "../support/redis.ts";
import { startRedisCluster } from "../support/redisCluster.ts";
import { findRedisServer } from "../support/redisProgram.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { waitFor } from "../support/waitFor.ts";

const log = pino({ level: "silent" });

async function connectTo(url: string, atEnd: AtEnd, timeoutMs = 10_000): Promise<Connection> {
  const target = readRedisUrl(url, "REDIS_URL", []);
  if (!target) throw new Error(`${url} is no URL`);
  const connection = await connect(target, log, timeoutMs);
  atEnd(connection.close);
  return connection;
}

const portOf = async (redis: Connection["redis"]) => Number(/^tcp_port:(\d+)/m.exec(await redis.info("server"))?.[1] ?? 0);

/** A cluster of one node that has all slots. */
async function loneNode(t: TestContext, args: string[] = []) {
  const node = await startRedis({ args: ["--cluster-enabled", "yes", "--cluster-port", String(await freePort()), ...args] });
  t.after(node.stop);
  await node.command("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  const serves = async () => (await node.command("SET", "{postern:0}:serves", "1")) === "+OK";
  await waitFor(serves, { what: "the node to serve" });
  return node;
}

test("every client of a cluster is at the slot's owner and moves on with the slot; while it is moved key by key, no script is begun", async (t) => {
  const atEnd = atEndOf(t);
  const cluster = await startRedisCluster(atEnd);
  const connection = await connectTo(cluster.url, atEnd);
  const { redis, keys } = connection;
  const [hasty, patient] = [connection.client("hasty"), connection.client("patient")];
  atEnd(async () => [hasty, patient].map((client) => client.disconnect()));
  for (const client of [hasty, patient]) if (client.status !== "ready") await new Promise((resolve) => client.once("ready", resolve));
  const ports = () => Promise.all([redis, hasty, patient].map(portOf));
  assert.deepEqual(await ports(), Array(3).fill(cluster.owner.port));
  assert.equal((await inspectRedis(connection)).writeFault, undefined);

  const beat = loadScript("heartbeat");
  const run = () => runScript(redis, beat, [keys.owners], ["worker", 1_000]);
  await run();
  const waiting = patient.blpop("{postern:0}:list", 10).catch((error: Error) => error);
  const { slot, owner } = cluster;
  const [target] = cluster.others;
  await target.client.call("CLUSTER", "SETSLOT", slot, "IMPORTING", owner.id);
  await owner.client.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id);
  // All that this script names is still there.
  await assert.rejects(run, (error: Error) => error.message.startsWith("TRYAGAIN") && isStoreUnavailable(error));
  await assert.rejects(redis.get("{postern:0}:elsewhere"), (error: Error) => error.message.startsWith("ASK ") && isStoreUnavailable(error));
  const left = (await owner.client.call("CLUSTER", "GETKEYSINSLOT", slot, 100)) as string[];
  await owner.client.call("MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", ...left);
  for (const node of [target, owner]) await node.client.call("CLUSTER", "SETSLOT", slot, "NODE", target.id);

  assert.match(String(await waiting), /MOVED/, "who waits at the old owner is told");
  const again = () => run().then(Boolean, (error: Error) => !isStoreUnavailable(error) && Promise.reject(error));
  await waitFor(again, { what: "a script to be carried out at the new owner", timeoutMs: 10_000 });
  await hasty.get("{postern:0}:any").catch((error: Error) => assert.match(error.message, /^MOVED/));
  const haveMoved = async () => (await ports()).every((port) => port === target.port);
  await waitFor(() => haveMoved().catch(() => false), { what: "every client to be at the new owner", timeoutMs: 10_000 });
});

test("one address that leads to a cluster, with a login: a wrong one, a Redis that is no cluster and a slot without an owner are told as they are", async (t) => {
  const atEnd = atEndOf(t);
  const node = await loneNode(t);
  await node.command("ACL", "SETUSER", "app", "on", ">s3cret", "~*", "+@all");
  const { redis } = await connectTo(`redis://app:s3cret@127.0.0.1:${node.port}?cluster=true`, atEnd);
  assert.equal(await redis.get("{postern:0}:serves"), "1");
  await assert.rejects(connectTo(`redis://app:wrong@127.0.0.1:${node.port}?cluster=true`, atEnd, 1_000), /WRONGPASS/);
  const single = await startRedis();
  atEnd(single.stop);
  await assert.rejects(connectTo(`${single.url}?cluster=true`, atEnd, 1_000), /cluster support disabled/);
  await node.command("CLUSTER", "DELSLOTSRANGE", "0", "16383");
  await assert.rejects(connectTo(`redis://127.0.0.1:${node.port}?cluster=true`, atEnd, 1_000), /CLUSTERDOWN no node serves the slot/);
});

/** The settings of a server that speaks TLS on one more port, as pairs. */
async function tlsSettings(atEnd: AtEnd) {
  const certificate = await selfSignedCertificate();
  atEnd(certificate.remove);
  const folder = await temporaryFolder({ name: "tls" });
  atEnd(folder.remove);
  const key = join(folder.path, "key.pem");
  await writeFile(key, certificate.key);
  const port = await freePort();
  const files = { "tls-cert-file": certificate.certificateFile, "tls-key-file": key, "tls-ca-cert-file": certificate.certificateFile };
  const settings: Record<string, string> = { "tls-port": String(port), ...files, "tls-auth-clients": "no", "tls-replication": "yes" };
  return { port, settings };
}

const asArguments = (settings: Record<string, string>) => Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);

test("TLS to a cluster's nodes: the certificate is verified unless that is turned off", async (t) => {
  const atEnd = atEndOf(t);
  const { port, settings } = await tlsSettings(atEnd);
  await loneNode(t, asArguments({ ...settings, "tls-cluster": "yes" }));
  const { redis } = await connectTo(`rediss://localhost:${port}?cluster=true&verify=false`, atEnd);
  assert.equal(await redis.get("{postern:0}:serves"), "1");
  await assert.rejects(connectTo(`rediss://localhost:${port}?cluster=true`, atEnd, 1_000), /self-signed certificate/);
});

test("TLS by sentinels: to the sentinel and to the primary that it names", async (t) => {
  const atEnd = atEndOf(t);
  const { port, settings } = await tlsSettings(atEnd);
  const primary = await startRedis({ args: asArguments(settings) });
  atEnd(primary.stop);
  const sentinelPort = await freePort();
  const folder = await temporaryFolder({ name: "sentinel" });
  atEnd(folder.remove);
  const file = join(folder.path, "sentinel.conf");
  const lines = Object.entries({ ...settings, port: "0", "tls-port": String(sentinelPort), bind: "127.0.0.1", dir: folder.path });
  const monitor = `sentinel monitor mymaster 127.0.0.1 ${port} 1`;
  await writeFile(file, `${[...lines.map((line) => line.join(" ")), monitor].join("\n")}\n`);
  const sentinel = await startProcess({ command: await findRedisServer(), args: [file, "--sentinel"], env: { PATH: "/usr/bin:/bin" } });
  atEnd(() => sentinel.stop());
  const { redis } = await connectTo(`rediss+sentinel://127.0.0.1:${sentinelPort}/mymaster?verify=false`, atEnd);
  await redis.set("found", "1");
  assert.equal(await primary.command("GET", "found"), "$1");
  assert.match(String(await redis.client("INFO")), new RegExp(`laddr=127.0.0.1:${port}`));
});
