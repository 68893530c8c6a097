// Looks at a Redis as a whole, for the person who has to keep it well: what it is, and whether it takes writes.
import type { Connection } from "./connection.ts";

export type RedisFacts = {
  /** Undefined where this Redis does not tell (INFO is refused). */
  info: ReadonlyMap<string, string> | undefined;
  /** Settings by name; undefined where this Redis does not tell (CONFIG is refused). */
  settings: ReadonlyMap<string, string> | undefined;
  /** Why a script could not write, in Redis' own words; undefined: it could. */
  writeFault: string | undefined;
  /** Of one round trip, the median of a few, in ms. */
  latencyMs: number;
};

const wanted = ["append*", "maxmemory-policy", "save", "min-replicas-to-write"];
const pings = 5;

/** A small script that writes, as every acceptance is: needs the rights to EVAL and SET on our keys. */
const trialScript = "return redis.call('set', KEYS[1], ARGV[1], 'px', 1000)";

/** Reads what it tells, and writes one key that is gone after a second. Rejects only if the connection is lost. */
export async function inspectRedis({ redis, keys }: Connection): Promise<RedisFacts> {
  const times: number[] = [];
  for (let ping = 0; ping < pings; ping++) {
    const began = performance.now();
    await redis.ping();
    times.push(performance.now() - began);
  }
  const info = await orRefused(async () => linesOf(await redis.info()));
  const settings = await orRefused(async () => {
    const pairs = new Map<string, string>();
    // One by one: an older Redis takes one pattern only.
    for (const pattern of wanted) {
      const flat = (await redis.config("GET", pattern)) as string[];
      for (let index = 0; index + 1 < flat.length; index += 2) pairs.set(flat[index] ?? "", flat[index + 1] ?? "");
    }
    return pairs;
  });
  let writeFault: string | undefined;
  try {
    await redis.eval(trialScript, 1, keys.trial, "1");
  } catch (error) {
    if (!isReply(error)) throw error;
    writeFault = error.message;
  }
  return { info, settings, writeFault, latencyMs: times.toSorted((a, b) => a - b)[Math.floor(pings / 2)] ?? 0 };
}

const isReply = (error: unknown): error is Error => error instanceof Error && error.name === "ReplyError";

async function orRefused<Value>(read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isReply(error)) return undefined;
    throw error;
  }
}

function linesOf(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(/\r?\n/).flatMap((line) => {
    const at = line.indexOf(":");
    return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
  });
  return new Map(pairs);
}
