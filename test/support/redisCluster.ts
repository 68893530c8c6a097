// A real Redis Cluster on loopback: three masters that share the slots, and a replica of the one that holds Postern's.
import { Redis as Client } from "ioredis";
import type { AtEnd } from "./atEnd.ts";
import { freePort } from "./freePort.ts";
import { startRedis, type TestRedis } from "./redis.ts";
import { waitFor } from "./waitFor.ts";

export type ClusterNode = TestRedis & {
  readonly client: Client;
  /** As the cluster calls it. */
  readonly id: string;
};

export type RedisCluster = {
  /** Names the masters that do not hold the slot. */
  readonly url: string;
  /** Of Postern's keys. */
  readonly slot: number;
  readonly owner: ClusterNode;
  readonly replica: ClusterNode;
  /** The other two masters. */
  readonly others: readonly [ClusterNode, ClusterNode];
};

const slotsInAll = 16_384;
/** After so long without an answer a node is held to be dead; its replica is elected about a second later. */
const nodeTimeoutMs = 1_500;

/** Starts the nodes and waits until all agree and the replica is in step. */
export async function startRedisCluster(atEnd: AtEnd): Promise<RedisCluster> {
  const start = async (): Promise<ClusterNode & { busPort: number }> => {
    const busPort = await freePort();
    const cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", String(nodeTimeoutMs), "--cluster-port", String(busPort)];
    const redis = await startRedis({ args: [...cluster, "--repl-diskless-sync-delay", "0"] });
    atEnd(redis.stop);
    const client = new Client(redis.url);
    client.on("error", () => undefined);
    atEnd(async () => client.disconnect());
    return Object.assign(redis, { client, busPort, id: (await client.cluster("MYID")) as string });
  };
  const nodes = await Promise.all([start(), start(), start(), start()]);
  const [first] = nodes;
  const slot = (await first.client.cluster("KEYSLOT", "{postern:0}")) as number;
  const share = Math.ceil(slotsInAll / 3);
  for (const [index, node] of nodes.entries()) {
    await node.client.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
    if (index < 3) await node.client.call("CLUSTER", "ADDSLOTSRANGE", index * share, Math.min((index + 1) * share, slotsInAll) - 1);
    if (index > 0) await first.client.call("CLUSTER", "MEET", "127.0.0.1", node.port, node.busPort);
  }
  const rank = (node: ClusterNode) => (node === nodes[Math.floor(slot / share)] ? 0 : 1);
  const [owner, ...others] = nodes.slice(0, 3).toSorted((one, other) => rank(one) - rank(other));
  const replica = nodes[3];
  const [second, third] = others;
  if (!owner || !second || !third || !replica) throw new Error("a cluster of four has three masters and a replica");
  const says = async (node: ClusterNode, words: RegExp) => words.test((await node.client.cluster("INFO")) as string);
  const allAgree = async () => (await Promise.all(nodes.map((node) => says(node, /cluster_known_nodes:4/)))).every(Boolean);
  await waitFor(allAgree, { what: "the nodes to know each other", timeoutMs: 30_000 });
  const replicates = async () => (await replica.client.call("CLUSTER", "REPLICATE", owner.id)) === "OK";
  await waitFor(() => replicates().catch(() => false), { what: "the replica to take its place", timeoutMs: 30_000 });
  const allServe = async () => (await Promise.all(nodes.map((node) => says(node, /cluster_state:ok/)))).every(Boolean);
  await waitFor(allServe, { what: "the cluster to serve", timeoutMs: 30_000 });
  const inStep = async () => (await owner.client.set("{postern:0}:in-step", "1")) === "OK" && (await owner.client.wait(1, 100)) === 1;
  await waitFor(inStep, { what: "the replica to be in step", timeoutMs: 30_000 });
  await owner.client.del("{postern:0}:in-step");

  return { url: `redis://${others.map(({ port }) => `127.0.0.1:${port}`).join(",")}`, slot, owner, replica, others: [second, third] };
}
