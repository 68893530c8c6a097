// The settings of the embedded Redis: nothing that was acknowledged is lost, nothing is reachable but for this user.
import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";

const megabyte = 1024 * 1024;

/**
 * Redis's command line.
 * @param redisFolder absolute; the append-only file lies in it
 * @param socketPath the only place that Redis listens on
 */
export async function redisArguments(redisFolder: string, socketPath: string): Promise<string[]> {
  const settings: [name: string, value: string][] = [
    ["port", "0"],
    ["unixsocket", socketPath],
    ["unixsocketperm", "700"],
    ["dir", redisFolder],
    ["daemonize", "no"],
    ["logfile", ""],
    // A 202 is a receipt: a write is on disk before it is answered.
    ["appendonly", "yes"],
    ["appendfsync", "always"],
    // After a power cut the last, never acknowledged command may be cut off: start without it.
    ["aof-load-truncated", "yes"],
    ["aof-use-rdb-preamble", "yes"],
    ["auto-aof-rewrite-min-size", String(await rewriteMinimumBytes(redisFolder))],
    // The append-only file holds everything; snapshots beside it would only cost disk and time.
    ["save", ""],
    // Out of memory, Redis refuses writes (the API answers 503) and never throws away what it holds.
    ["maxmemory-policy", "noeviction"],
    ["maxmemory", String(memoryBytesMax())],
  ];
  return settings.flatMap(([name, value]) => [`--${name}`, value]);
}

/**
 * How large the append-only file may grow before it is rewritten without what is settled and gone. Redis's 64 MB would mean a rewrite
 * every few seconds under load; 1 GB makes them rare. On disk lie at most the last rewrite, this much on top, and the next rewrite
 * while it is made; a full disk ends Redis (its answer to a failed write under `appendfsync always`), so it is an eighth of what is free.
 */
async function rewriteMinimumBytes(redisFolder: string): Promise<number> {
  const { bavail, bsize } = await statfs(redisFolder);
  return Math.floor(Math.min(1024 * megabyte, Math.max(64 * megabyte, (bavail * bsize) / 8)));
}

/** Half of what the machine or the container has: a rewrite forks, and may need as much again; and the gateway lives here too. */
function memoryBytesMax(): number {
  // 0, or more than the machine has, where nothing constrains the process.
  const constrained = process.constrainedMemory();
  return Math.floor(Math.min(totalmem(), constrained > 0 ? constrained : Number.POSITIVE_INFINITY) / 2);
}
