// Loads the Lua scripts and runs them. One atomic change a file; `--- @include name` inlines scripts/includes/name.lua once,
// `--- @transitions` becomes the domain's table.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { transitions } from "../domain/states.ts";
import { type Connection, inTimeUntil } from "./connection.ts";

/** A script's text and its SHA-1, by which Redis knows it. */
export type Script = { name: string; lua: string; sha1: string };

type Argument = string | number | Buffer;

/** The transition table as Lua: the scripts have no other. */
const transitionsLua = `local transitions = {\n${Object.entries(transitions)
  .map(
    ([from, rules]) =>
      `  ${from} = { ${Object.entries(rules)
        .map(([to, rule]) => `${to} = '${rule}'`)
        .join(", ")} },\n`,
  )
  .join("")}}`;

const folder = new URL("./scripts/", import.meta.url);

/** Reads `scripts/<name>.lua` with its includes. Throws if a file is missing: the build is incomplete. */
export function loadScript(name: string): Script {
  const included = new Set<string>();
  const inline = (text: string): string =>
    text.replace(/^--- @include ([a-z-]+)$/gm, (_line, include: string) => {
      if (included.has(include)) return "";
      included.add(include);
      return inline(readFileSync(new URL(`includes/${include}.lua`, folder), "utf8"));
    });
  const lua = inline(readFileSync(new URL(`${name}.lua`, folder), "utf8")).replace("--- @transitions", transitionsLua);
  return { name, lua, sha1: createHash("sha1").update(lua).digest("hex") };
}

/**
 * Runs a script and returns its answer, strings as buffers (a message's bytes are not text).
 * Rejects with the connection's or the script's error.
 */
export async function runScript(redis: Redis, script: Script, keys: string[], args: Argument[]): Promise<unknown> {
  try {
    return await redis.callBuffer("EVALSHA", script.sha1, keys.length, ...keys, ...args);
  } catch (error) {
    // Redis has forgotten its scripts: it was restarted or told to.
    if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
    return redis.callBuffer("EVAL", script.lua, keys.length, ...keys, ...args);
  }
}

/** The answer of a script that returns a list: its first word, and the rest. */
export async function runForWord(redis: Redis, script: Script, keys: string[], args: Argument[]): Promise<[string, ...Buffer[]]> {
  const answer = await runScript(redis, script, keys, args);
  if (!Array.isArray(answer) || !Buffer.isBuffer(answer[0])) throw new Error(`script ${script.name} answered something else than a list`);
  return [answer[0].toString(), ...answer.slice(1)];
}

/**
 * The same for a script that includes in-time.lua: it changes nothing once its caller has been told that it failed.
 * @throws Error that `isStoreUnavailable` knows, where it came too late
 */
export async function runForCaller(
  { redis, clock }: Pick<Connection, "redis" | "clock">,
  script: Script,
  keys: string[],
  args: Argument[],
): Promise<[string, ...Buffer[]]> {
  const answer = await runForWord(redis, script, keys, [...args, inTimeUntil(clock)]);
  if (answer[0] === "late") throw new Error(`Command timed out: script ${script.name} came too late to change anything`);
  return answer;
}
