// Who works on dispatches: a process with a lease. Its heartbeats come from a thread of their own, so that a busy event loop
// does not look like a dead worker; and the worker knows without asking whether its lease still holds.
import { Worker } from "node:worker_threads";
import type { RedisTarget } from "../domain/redisTarget.ts";
import type { Connection } from "./connection.ts";

export type Owner = {
  id: string;
  /** Whether the lease is known to hold: without it, no final dot may be sent. */
  leaseHolds(): boolean;
  /** Ends the heartbeats and gives the lease back at once. Idempotent. */
  retire(): Promise<void>;
};

/**
 * What the thread is started with. `silenceMs`: when no owner was heard for longer, Redis was away. `heard` holds the process-wide monotonic
 * time (ns) at which the last confirmed beat was sent.
 */
export type HeartbeatOrder = {
  target: RedisTarget;
  owners: string;
  id: string;
  everyMs: number;
  silenceMs: number;
  heard: SharedArrayBuffer;
};

/** Stands among the owners for all of them at once (scripts/includes/owners.lua). */
const everybody = "*";
const isSource = import.meta.url.endsWith(".ts");

/** Registers an owner and keeps its lease alive. Resolves after the first heartbeat; rejects if none succeeds within 10 s. */
export async function startOwner(connection: Connection, target: RedisTarget, id: string, leaseMs: number): Promise<Owner> {
  const heard = new SharedArrayBuffer(8);
  const beats = new BigInt64Array(heard);
  const order: HeartbeatOrder = {
    ...{ target, owners: connection.keys.owners, id, heard },
    everyMs: Math.max(50, leaseMs / 12),
    silenceMs: Math.round(leaseMs / 4),
  };
  const thread = new Worker(new URL(isSource ? "./heartbeat.ts" : "./heartbeat.js", import.meta.url), { workerData: order });
  thread.unref();
  await firstBeat(thread);
  let retired: Promise<void> | undefined;
  return {
    id,
    leaseHolds: () => {
      const age = Number(process.hrtime.bigint() - Atomics.load(beats, 0)) / 1e6;
      // A tenth is kept back for what lies between this look and the last byte.
      return age < leaseMs * 0.9;
    },
    retire: () => {
      retired ??= (async () => {
        await thread.terminate();
        await connection.redis.zrem(connection.keys.owners, id).catch(() => undefined);
      })();
      return retired;
    },
  };
}

/** Forgets every owner: for a process that is known to be alone on this Redis, and therefore to outlive all others. */
export async function forgetOwners({ redis, keys }: Connection): Promise<void> {
  await redis.del(keys.owners);
}

/** How many owners were heard of within a lease: the workers that live, as far as Redis knows. */
export async function countOwners({ redis, keys, clock }: Connection, leaseMs: number): Promise<number> {
  const heard = await redis.zrangebyscore(keys.owners, clock.now() - leaseMs, "+inf");
  return heard.filter((owner) => owner !== everybody).length;
}

function firstBeat(thread: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      void thread.terminate();
      reject(new Error("No heartbeat reached Redis within 10 s"));
    }, 10_000);
    thread.once("message", () => {
      clearTimeout(timer);
      resolve();
    });
    thread.once("error", (cause) => {
      clearTimeout(timer);
      reject(new Error("The heartbeat thread failed", { cause }));
    });
  });
}
