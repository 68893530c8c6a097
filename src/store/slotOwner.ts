// One shard of a Redis Cluster is one slot: the node that owns it is followed as Sentinel's primary is, so that every command, and those
// that name no key with them (INFO, TIME, WAIT), goes where the shard's keys are.
import { createConnection, isIP, type NetConnectOpts } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { AbstractConnector, Redis, type RedisOptions } from "ioredis";
import type { RedisTarget } from "../domain/redisTarget.ts";

type ClusterTarget = RedisTarget & { kind: "cluster" };
type Address = ClusterTarget["nodes"][number];
/** How to log in to a node, and what its certificate is held to. */
type Access = Pick<RedisOptions, "username" | "password" | "tls">;
type ErrorEmitter = Parameters<AbstractConnector["connect"]>[0];

/** A node that has no answer after this many milliseconds is passed over. */
const askTimeoutMs = 1_000;
/** When no node knows an owner, all are asked again after this. */
const askAgainMs = 200;

/** Finds the owner of a slot. `find` rejects, with the last node's fault, when no node names one. */
export type OwnerFinder = { find(): Promise<Address> };

/** @param tag the hash tag that all keys carry */
export function createOwnerFinder(target: ClusterTarget, access: Access, tag: string): OwnerFinder {
  let nodes: readonly Address[] = target.nodes;
  let searching: Promise<Address> | undefined;

  async function search(): Promise<Address> {
    let fault = new Error("no node of the cluster is known");
    for (const node of nodes) {
      const found = await askNode(node, access, tag).catch((error: Error) => {
        fault = new Error(`${node.host}:${node.port}: ${error.message}`, { cause: error });
        return undefined;
      });
      if (!found) continue;
      // The next search begins elsewhere: a node that has been away may tell of an owner that was.
      const others = unique([...found.nodes, ...target.nodes]).filter((other) => !isSame(other, node));
      nodes = [...others, node];
      if (found.owner) return found.owner;
      fault = new Error(`CLUSTERDOWN no node serves the slot of ${tag}`);
    }
    throw fault;
  }

  return {
    // All clients of a process lose the owner at once, and one search serves them.
    find: () => {
      searching ??= search().finally(() => {
        searching = undefined;
      });
      return searching;
    },
  };
}

/** What a node knows: who owns the slot, and which nodes there are. */
async function askNode(node: Address, access: Access, tag: string): Promise<{ owner: Address | undefined; nodes: Address[] }> {
  const redis = new Redis({
    ...{ host: node.host, port: node.port, ...access, ...tlsTo(node.host, access) },
    ...{ lazyConnect: true, enableReadyCheck: false, connectTimeout: askTimeoutMs, commandTimeout: askTimeoutMs },
    retryStrategy: () => null,
  });
  let fault: Error | undefined;
  redis.on("error", (error) => {
    fault = error;
  });
  try {
    await redis.connect();
    const [slot, ranges] = await Promise.all([redis.cluster("KEYSLOT", tag), redis.cluster("SLOTS")]);
    const all = (ranges as unknown[][]).map(([from, to, ...served]) => ({
      holds: Number(from) <= slot && slot <= Number(to),
      served: (served as unknown[][]).map((entry) => addressOf(entry, node)),
    }));
    return { owner: all.find(({ holds }) => holds)?.served[0], nodes: all.flatMap(({ served }) => served) };
  } catch (error) {
    throw fault ?? error;
  } finally {
    redis.disconnect();
  }
}

/** Without a host, or with `?`, it is the one that was asked: https://redis.io/docs/latest/commands/cluster-slots/ */
function addressOf([host, port]: unknown[], asked: Address): Address {
  const name = String(host ?? "");
  return { host: name === "" || name === "?" ? asked.host : name, port: Number(port) };
}

const isSame = (one: Address, other: Address) => one.host === other.host && one.port === other.port;

function unique(addresses: readonly Address[]): Address[] {
  return addresses.filter((address, index) => addresses.findIndex((other) => isSame(address, other)) === index);
}

/** An address is no name to ask for (RFC 6066, section 3). */
function tlsTo(host: string, { tls }: Access): Pick<RedisOptions, "tls"> {
  return tls ? { tls: { ...tls, ...(isIP(host) === 0 && { servername: host }) } } : {};
}

/**
 * The options of a client that is connected to the slot's owner, whichever node that is: it reconnects when its node is lost, and when
 * its node says that the slot, or the right to write, is another's.
 */
export function followOwner(finder: OwnerFinder, access: Access): RedisOptions {
  class OwnerConnector extends AbstractConnector {
    constructor() {
      super(2_000);
    }

    override check(info: { role?: string }): boolean {
      return info.role !== "slave";
    }

    /** Goes on until there is an owner: a rejection would be this client's end. */
    override async connect(emit: ErrorEmitter): Promise<typeof this.stream> {
      this.connecting = true;
      let owner: Address | undefined;
      while (!owner) {
        owner = await finder.find().catch(async (error: Error) => {
          emit("error", error);
          await sleep(askAgainMs);
          return undefined;
        });
        if (!this.connecting) throw new Error("Connection is closed.");
      }
      const at: NetConnectOpts = { host: owner.host, port: owner.port };
      const { tls } = tlsTo(owner.host, access);
      this.stream = tls ? connectTls({ ...at, ...tls }) : createConnection(at);
      this.stream.once("error", (error) => {
        this.firstError = error;
      });
      return this.stream;
    }
  }
  return { ...access, Connector: OwnerConnector };
}

/** Whether a client is one of `followOwner`'s. */
export function followsOwner(redis: Redis): boolean {
  return redis.options.Connector !== undefined;
}
