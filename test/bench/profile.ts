// Where the CPU time of a message goes: self time by function in the API and in the worker (V8's sampling), and the time that Redis spends
// in each command and script. Sampling itself costs; the shares hold, the sums are a little above the truth.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Redis } from "ioredis";
import { loadScript } from "../../src/store/scripts.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { cpuSecondsOf, untilQuiet } from "./cpu.ts";
import { startProduct } from "./product.ts";
import { createStack } from "./stack.ts";

type ProfileNode = {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
  children?: number[];
};
/** Times in microseconds; `startTime` is of the machine's monotonic clock, which `process.hrtime` reads too. */
type CpuProfile = { nodes: ProfileNode[]; samples: number[]; timeDeltas: number[]; startTime: number };
/** From and to, in microseconds of that clock. */
type Span = readonly [number, number];

const functionsShown = 15;
const root = fileURLToPath(new URL("../..", import.meta.url));

const nowUs = () => Number(process.hrtime.bigint() / 1_000n);

/** Microseconds of self time by function within the span; `(idle)` is left out. */
function selfTimes({ nodes, samples, timeDeltas, startTime }: CpuProfile, [from, to]: Span): Map<string, number> {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url.replace("file://", "").replace(root, "").replace("node_modules/", "");
      return [id, url === "" ? functionName : `${functionName || "(anonymous)"} ${place}:${lineNumber + 1}`];
    }),
  );
  const times = new Map<string, number>();
  let at = startTime;
  for (const [index, sample] of samples.entries()) {
    at += timeDeltas[index] ?? 0;
    const name = names.get(sample) ?? "?";
    if (at >= from && at <= to && name !== "(idle)") times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return times;
}

/** The room or package that a function belongs to, for a sum over all of its functions. */
function ownerOf(name: string): string {
  const place = name.split(" ").at(-1) ?? "";
  const found = /^dist\/([^/:]+)/.exec(place) ?? /^((?:@[^/]+\/)?[^/:]+)\//.exec(place);
  if (place.startsWith("node:")) return place.replace(/:\d+$/, "");
  return found?.[1] === undefined || !place.includes("/") ? name : place.startsWith("dist/") ? `ours: ${found[1]}` : found[1];
}

function topOf(times: Map<string, number>, messages: number, count: number): string {
  const sorted = [...times].toSorted(([, one], [, other]) => other - one).slice(0, count);
  return sorted.map(([name, us]) => `${(us / messages).toFixed(1).padStart(8)}  ${name}`).join("\n");
}

/** The profile of a process's main thread: `CPU.<date>.<time>.<pid>.<thread>.<number>.cpuprofile`, thread 0. */
async function readProfile(folder: string, pid: number): Promise<CpuProfile> {
  const file = (await readdir(folder)).find((name) => name.split(".")[3] === String(pid) && name.split(".")[4] === "0");
  if (file === undefined) throw new Error(`process ${pid} wrote no profile`);
  return JSON.parse(await readFile(join(folder, file), "utf8")) as CpuProfile;
}

function tellFunctions(name: string, times: Map<string, number>, messages: number): string {
  const total = [...times.values()].reduce((sum, us) => sum + us, 0);
  const owners = new Map<string, number>();
  for (const [functionName, us] of times) owners.set(ownerOf(functionName), (owners.get(ownerOf(functionName)) ?? 0) + us);
  return [
    `${name}: ${(total / messages).toFixed(0)} µs a message on its main thread. By function (self time, µs a message):`,
    topOf(times, messages, functionsShown),
    "by room and package:",
    topOf(owners, messages, functionsShown),
  ].join("\n");
}

/** Names of scripts by their SHA-1: ours, and BullMQ's. */
async function scriptNames(): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  const ours = await readdir(join(root, "src/store/scripts"));
  for (const file of ours.filter((name) => name.endsWith(".lua"))) {
    const { sha1, name } = loadScript(file.replace(".lua", ""));
    names.set(sha1, name);
  }
  const folder = join(root, "node_modules/bullmq/dist/esm/scripts");
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(".js"))) {
    const module: Record<string, unknown> = await import(join(folder, file));
    for (const value of Object.values(module)) {
      if (typeof value !== "object" || value === null || !("content" in value) || typeof value.content !== "string") continue;
      names.set(createHash("sha1").update(value.content).digest("hex"), `bullmq ${file.replace(/-\d+\.js$|\.js$/, "")}`);
    }
  }
  return names;
}

const slowlogEntries = 1_000_000;

/** Every command that Redis ran, with its time: a slow log in which nothing is too fast. */
async function watchScripts(redis: Redis): Promise<(messages: number) => Promise<string>> {
  await redis.config("SET", "slowlog-max-len", slowlogEntries);
  await redis.config("SET", "slowlog-log-slower-than", 0);
  await redis.slowlog("RESET");
  await redis.config("RESETSTAT");
  return async (messages) => {
    await redis.config("SET", "slowlog-log-slower-than", -1);
    const names = await scriptNames();
    const stats = await redis.info("commandstats");
    const entries = (await redis.slowlog("GET", slowlogEntries)) as [number, number, number, string[]][];
    const sums = new Map<string, { calls: number; us: number }>();
    for (const [, , us, [command = "", sha1 = ""]] of entries) {
      const word = command.toLowerCase();
      const name = word.startsWith("eval") ? (names.get(sha1) ?? `script ${sha1.slice(0, 12)}`) : word;
      const sum = sums.get(name) ?? { calls: 0, us: 0 };
      sums.set(name, { calls: sum.calls + 1, us: sum.us + us });
    }
    const line = ([name, { calls, us }]: [string, { calls: number; us: number }]) =>
      `${(us / messages).toFixed(1).padStart(8)}  ${name}: ${(calls / messages).toFixed(2)} calls a message, ${(us / calls).toFixed(1)} µs each`;
    const sorted = [...sums].toSorted(([, one], [, other]) => other.us - one.us).slice(0, functionsShown);
    const inner = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)]
      .map(([, name = "", calls, us]): [string, { calls: number; us: number }] => [name, { calls: Number(calls), us: Number(us) }])
      .toSorted(([, one], [, other]) => other.us - one.us)
      .slice(0, functionsShown + 10);
    return [
      "Redis, commands as they came over the wire (µs a message; a script with all that it calls):",
      ...sorted.map(line),
      "Redis, every command, those within scripts too:",
      ...inner.map(line),
    ].join("\n");
  };
}

/** Runs plain mail through the product and tells where the time went. */
export async function profile({ messages, say }: { messages: number; say(line: string): void }): Promise<string> {
  const stack = createStack();
  const folder = await temporaryFolder({ name: "profile" });
  await stack.add(Promise.resolve({ stop: folder.remove }));
  try {
    // Both processes write there when they end; the names of the files hold the process's id.
    const env = { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder.path} --cpu-prof-interval=500` };
    const product = await stack.add(startProduct({ appendfsync: "always", env }));
    const worker = await product.startWorker();
    const generator = await product.startGenerator();
    const send = async (count: number) => {
      const taken = product.sink.taken();
      await generator.ask({ recipe: "plain", requests: count, connections: 50 });
      await product.sink.untilTaken(taken + count);
      await untilQuiet(product.programs());
    };
    await send(Math.ceil(messages / 5));
    const tellScripts = await watchScripts(product.redis());
    const programs = product.programs();
    const [before, from] = [cpuSecondsOf(programs), nowUs()];
    await send(messages);
    const [after, to] = [cpuSecondsOf(programs), nowUs()];
    const redisWords = await tellScripts(messages);
    const share = (name: string) => (((after.get(name) ?? 0) - (before.get(name) ?? 0)) * 1_000_000) / messages;
    const sums = programs.map(({ name }) => `${name} ${Math.round(share(name))}`);
    say("the processes write their profiles");
    const told: string[] = [`CPU µs a message: ${sums.join(", ")}; sampling and the slow log included`];
    for (const [name, member] of [
      ["api", product.api],
      ["worker", worker],
    ] as const) {
      await member.stop();
      told.push(tellFunctions(name, selfTimes(await readProfile(folder.path, member.pid), [from, to]), messages));
    }
    return [...told, redisWords].join("\n\n");
  } finally {
    await stack.stop();
  }
}
