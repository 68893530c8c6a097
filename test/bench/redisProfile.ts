// Where Redis' time goes, by command and by script: a slow log in which nothing is too fast.
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Redis } from "ioredis";
import { loadScript } from "../../src/store/scripts.ts";

const shown = 18;
const entriesMax = 1_000_000;

/** Names of scripts by their SHA-1: ours, and BullMQ's. */
async function scriptNames(): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const file of await readdir(new URL("../../src/store/scripts/", import.meta.url))) {
    if (!file.endsWith(".lua")) continue;
    const { sha1, name } = loadScript(file.replace(".lua", ""));
    names.set(sha1, name);
  }
  const folder = new URL("../../node_modules/bullmq/dist/esm/scripts/", import.meta.url);
  for (const file of await readdir(folder)) {
    // addStandardJob-9.js
    const name = /^(\w+)-\d+\.js$/.exec(file)?.[1];
    if (name === undefined) continue;
    const module: Record<string, unknown> = await import(fileURLToPath(new URL(file, folder)));
    for (const value of Object.values(module)) {
      if (typeof value !== "object" || value === null || !("content" in value) || typeof value.content !== "string") continue;
      names.set(createHash("sha1").update(value.content).digest("hex"), `bullmq ${name}`);
    }
  }
  return names;
}

type Sum = { calls: number; us: number };

function tell(sums: Iterable<[string, Sum]>, messages: number): string[] {
  return [...sums]
    .toSorted(([, one], [, other]) => other.us - one.us)
    .slice(0, shown)
    .map(([name, { calls, us }]) => {
      const each = `${(calls / messages).toFixed(2)} a message, ${(us / calls).toFixed(1)} µs each`;
      return `${(us / messages).toFixed(1).padStart(8)}  ${name}: ${each}`;
    });
}

/**
 * Begins to watch.
 * @returns ends it, and tells the microseconds for each of so many messages
 */
export async function watchRedis(redis: Redis): Promise<(messages: number) => Promise<string>> {
  await redis.config("SET", "slowlog-max-len", entriesMax);
  await redis.config("SET", "slowlog-log-slower-than", 0);
  await redis.slowlog("RESET");
  await redis.config("RESETSTAT");
  return async (messages) => {
    await redis.config("SET", "slowlog-log-slower-than", -1);
    const names = await scriptNames();
    const stats = await redis.info("commandstats");
    const entries = (await redis.slowlog("GET", entriesMax)) as [number, number, number, string[]][];
    // Commands within scripts are logged by themselves as well: of what came over the wire, only scripts are told here.
    const scripts = new Map<string, Sum>();
    for (const [, , us, [command = "", sha1 = ""]] of entries) {
      if (!/^eval/i.test(command)) continue;
      const name = names.get(sha1) ?? `script ${sha1.slice(0, 12)}`;
      const { calls, us: before } = scripts.get(name) ?? { calls: 0, us: 0 };
      scripts.set(name, { calls: calls + 1, us: before + us });
    }
    const commands = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)].map(([, name = "", calls, us]): [string, Sum] => [
      name,
      { calls: Number(calls), us: Number(us) },
    ]);
    const ofEval = commands.filter(([name]) => name.startsWith("eval")).reduce((sum, [, { us }]) => sum + us, 0);
    const inner = commands.filter(([name]) => !/^(eval|config|slowlog|info)/.test(name));
    const innerUs = inner.reduce((sum, [, { us }]) => sum + us, 0);
    return [
      `scripts, with the commands in them: ${(ofEval / messages).toFixed(0)} µs a message`,
      ...tell(scripts, messages),
      `commands, within scripts and not: ${(innerUs / messages).toFixed(0)} µs a message; what is left of the scripts is Lua itself`,
      ...tell(inner, messages),
    ].join("\n");
  };
}
