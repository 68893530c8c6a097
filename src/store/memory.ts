// How full Redis is. New mail is refused while there is still room to finish what is under way: to claim it, record it, tell of it.

import type { Log } from "../telemetry/logger.ts";
import type { Connection } from "./connection.ts";

export type MemoryWatch = {
  /** Whether so many more bytes may be stored. True while nothing is known. */
  hasRoomFor(bytes: number): boolean;
  /** As it was last told; undefined while Redis tells nothing. `limitBytes` 0: there is none. */
  usage(): { usedBytes: number; limitBytes: number } | undefined;
  stop(): void;
};

const askEveryMs = 1_000;
/** What is kept free: a tenth, but no more than work under way can ever need. */
const reserveShare = 0.1;
const reserveBytesMax = 256 * 1024 * 1024;

/** Asks Redis how full it is, every second. A Redis without `maxmemory` has room for everything, as far as it tells. */
export async function watchMemory({ redis }: Connection, log: Log): Promise<MemoryWatch> {
  let freeBytes = Number.POSITIVE_INFINITY;
  let usage: ReturnType<MemoryWatch["usage"]>;
  let isFull = false;

  async function ask(): Promise<void> {
    const info = await redis.info("memory");
    const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
    const limit = field("maxmemory");
    // As Redis itself counts: what replicas and the append-only file are still to be sent does not.
    const used = field("used_memory") - field("mem_not_counted_for_evict");
    usage = { usedBytes: used, limitBytes: limit };
    freeBytes = limit === 0 ? Number.POSITIVE_INFINITY : limit - used - Math.min(limit * reserveShare, reserveBytesMax);
    if (isFull === freeBytes <= 0) return;
    isFull = !isFull;
    if (isFull)
      log.warn({ used_bytes: used, maxmemory_bytes: limit }, "Redis' memory is nearly full: new mail is refused until there is room");
    else log.info({ used_bytes: used, maxmemory_bytes: limit }, "Redis has room again: new mail is taken");
  }

  // Some managed services refuse INFO: then Redis itself refuses what does not fit.
  await ask().catch(() => undefined);
  const timer = setInterval(() => {
    ask().catch(() => undefined);
  }, askEveryMs);
  timer.unref();
  return {
    hasRoomFor: (bytes) => {
      if (freeBytes <= bytes) return false;
      // What is taken until Redis is asked again counts too.
      freeBytes -= bytes;
      return true;
    },
    usage: () => usage,
    stop: () => clearInterval(timer),
  };
}
