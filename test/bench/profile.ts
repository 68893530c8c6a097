// Where the CPU time of a message goes: by function in the API and in the worker, by script and command in Redis.
import { mkdtemp } from "node:fs/promises";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { type Program, type ThreadTimes, threadTimesOf, untilQuiet } from "./cpu.ts";
import { profileClockUs, readProfile, tellProfile } from "./cpuProfile.ts";
import { startProduct } from "./product.ts";
import { type RecipeName, recipeOf } from "./recipes.ts";
import { watchRedis } from "./redisProfile.ts";
import { createStack } from "./stack.ts";

/** Redis measures its commands by the clock: only where nobody takes the core from it is that its CPU time. Needs root. */
const firstInLine = -15;

const threadsOf = (programs: readonly Program[]) => new Map(programs.map(({ name, pid }) => [name, threadTimesOf(pid)]));

/**
 * Runs mail through the product and tells where the time went. The profiles stay in a folder, for a viewer.
 * @param options.messages measured; a multiple of the recipe's batch
 */
export async function profile({ recipe, messages }: { recipe: RecipeName; messages: number }): Promise<string> {
  const stack = createStack();
  const folder = await mkdtemp(join(tmpdir(), "postern-bench-profile-"));
  try {
    // Each process writes there when it ends.
    const nodeOptions = ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--cpu-prof-interval=500"];
    const product = await stack.add(startProduct({ appendfsync: "always", nodeOptions }));
    const worker = await product.startWorker();
    const generator = await product.startGenerator();
    const send = async (count: number) => {
      const taken = product.sink.taken();
      await generator.ask({ recipe, requests: Math.ceil(count / recipeOf(recipe).batch), connections: recipe === "huge" ? 10 : 50 });
      await product.sink.untilTaken(taken + count);
      await untilQuiet(product.programs());
    };
    // Before that V8 still compiles, and a message costs twice as much.
    await send(2 * messages);
    const programs = product.programs();
    const [before, from] = [threadsOf(programs), profileClockUs()];
    await send(messages);
    const [after, to] = [threadsOf(programs), profileClockUs()];
    const spent = (name: string, part: keyof ThreadTimes) =>
      (((after.get(name)?.[part] ?? 0) - (before.get(name)?.[part] ?? 0)) * 1_000_000) / messages;
    const inWords = (name: string) =>
      `${name}: CPU µs a message: first thread ${Math.round(spent(name, "user"))} of its own and ${Math.round(spent(name, "system"))} in the kernel, ` +
      `other threads ${Math.round(spent(name, "otherThreads"))}`;

    const redis = programs.find(({ name }) => name === "redis") as Program;
    setPriority(redis.pid, firstInLine);
    const tellRedis = await watchRedis(product.redis());
    await send(messages);
    const redisWords = await tellRedis(messages);

    const told: string[] = [];
    for (const [name, member] of [
      ["api", product.api],
      ["worker", worker],
    ] as const) {
      await member.stop();
      const words = tellProfile(await readProfile(folder, member.pid), [from, to], spent(name, "user") + spent(name, "system"));
      told.push(`${inWords(name)} (those of the profiler too)\n${words}`);
    }
    told.push(`${inWords("redis")}\nby its own clock, with a slow log of everything:\n${redisWords}`);
    return [...told, `The profiles are in ${folder}; Chrome's developer tools show them.`].join("\n\n");
  } finally {
    await stack.stop();
  }
}
