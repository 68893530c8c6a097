// Loads the Lua scripts and runs them. One atomic change a file; `--- @include name` inlines scripts/includes/name.lua once,
// `--- @transitions` becomes the domain's table.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { transitions } from "../domain/states.ts";
import { type Connection, inTimeUntil } from "./connection.ts";
import { absentBeside } from "./keys.ts";
import { followsOwner } from "./slotOwner.ts";

type Text = { lua: string; sha1: string };

/** A script's text and its SHA-1, by which Redis knows it; `ofSlot`: the same for a node of a cluster, which is given one more key. */
export type Script = Text & { name: string; ofSlot: Text };

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
  return { name, ...textOf(lua), ofSlot: textOf(`table.remove(KEYS) ${lua}`) };
}

function textOf(lua: string): Text {
  return { lua, sha1: createHash("sha1").update(lua).digest("hex") };
}

/**
 * While a slot is being moved, its node refuses a script (TRYAGAIN) that names a key which is not there: it may be at the new owner already.
 * Of a key that is not named it finds that out in the midst of the script, whose first half is then done. So every script names one key that
 * never is.
 */
function forSlot(script: Script, keys: readonly string[]): { text: Text; names: readonly string[] } {
  return { text: script.ofSlot, names: [...keys, absentBeside(keys[0] ?? "")] };
}

/**
 * Runs a script and returns its answer, strings as buffers (a message's bytes are not text).
 * Rejects with the connection's or the script's error.
 */
export async function runScript(redis: Redis, script: Script, keys: string[], args: Argument[]): Promise<unknown> {
  const { text, names } = followsOwner(redis) ? forSlot(script, keys) : { text: script, names: keys };
  try {
    return await redis.callBuffer("EVALSHA", text.sha1, names.length, ...names, ...args);
  } catch (error) {
    // Redis has forgotten its scripts: it was restarted or told to.
    if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
    return redis.callBuffer("EVAL", text.lua, names.length, ...names, ...args);
  }
}

/** The answer of a script that returns a list: its first word, and the rest. */
export async function runForWord(redis: Redis, script: Script, keys: string[], args: Argument[]): Promise<[string, ...Buffer[]]> {
  const answer = await runScript(redis, script, keys, args);
  if (!Array.isArray(answer) || !Buffer.isBuffer(answer[0])) throw new Error(`script ${script.name} answered something else than a list`);
  return [answer[0].toString(), ...answer.slice(1)];
}

/**
 * The answers of a script that includes batch.lua, one for each entry: a list as above, or the fault that this entry met.
 * @param shared what holds for all entries
 * @param entries each one's arguments
 */
export async function runForEach(
  redis: Redis,
  script: Script,
  keys: string[],
  shared: Argument[],
  entries: Argument[][],
): Promise<([string, ...Buffer[]] | Error)[]> {
  const answers = await runScript(redis, script, keys, [...shared, ...entries.flat()]);
  if (!Array.isArray(answers) || answers.length !== entries.length) throw new Error(`script ${script.name} did not answer for each entry`);
  return answers.map(([word, ...rest]: Buffer[]) => {
    if (!Buffer.isBuffer(word)) return new Error(`script ${script.name} answered something else than a list`);
    const text = word.toString();
    return text === "fault" ? faultOf(script, rest[0]) : [text, ...rest];
  });
}

/** As if Redis had answered with this error. */
function faultOf({ name }: Script, text: Buffer | undefined): Error {
  const fault = new Error(`${text?.toString() ?? "ERR"} script: ${name}`);
  fault.name = "ReplyError";
  return fault;
}

/**
 * The same for a script that includes in-time.lua: once this has rejected, it changes nothing more.
 * @throws Error that `isStoreUnavailable` knows, where it came too late
 */
export async function runForCaller(
  { redis, clock }: Pick<Connection, "redis" | "clock">,
  script: Script,
  keys: string[],
  args: Argument[],
): Promise<[string, ...Buffer[]]> {
  const until = inTimeUntil(clock);
  const answer = await rejectingAfter(clock, until, () => runForWord(redis, script, keys, [...args, until]));
  if (answer[0] === "late") throw new Error(`Command timed out: script ${script.name} came too late to change anything`);
  return answer;
}

/**
 * Runs a script that may be carried out until a time (Redis time, ms). Should it fail without an answer, that is not said before then: a timer
 * that was started by a busy event loop fires early, as it counts from the beginning of the loop's turn.
 */
export async function rejectingAfter<Answer>(clock: Connection["clock"], until: number, run: () => Promise<Answer>): Promise<Answer> {
  try {
    return await run();
  } catch (error) {
    if (mayStillBeCarriedOut(error)) while (clock.now() <= until) await sleep(until + 1 - clock.now());
    throw error;
  }
}

/** Neither answered by Redis with an error, nor never written. */
function mayStillBeCarriedOut(error: unknown): boolean {
  return error instanceof Error && error.name !== "ReplyError" && !error.message.startsWith("Stream isn't writeable");
}
