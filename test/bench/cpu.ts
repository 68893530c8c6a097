// What processes cost: CPU time by proc(5), user and system, with all threads, children and children's children, ended ones included.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A program that is measured. It and whatever it starts count as one. */
export type Program = { name: string; pid: number };

/** CPU seconds of a program's first thread, where its own code runs, and of its other threads: compilers, garbage collectors, flushers. */
export type ThreadTimes = { user: number; system: number; otherThreads: number };

type Entry = { parent: number; ticks: number };

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/**
 * The fields of a stat file, beginning with the state, which is field 3 (proc(5)). What comes before it is a program's name in parentheses, which
 * may hold anything.
 */
function statFields(path: string): string[] {
  const text = readFileSync(path, "latin1");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Every process of the machine: its parent, and its own ticks with those of the children that it has buried. */
function everyProcess(): Map<number, Entry> {
  const entries = new Map<number, Entry>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = statFields(`/proc/${name}/stat`);
      const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
      entries.set(Number(name), { parent: Number(fields[1]), ticks });
    } catch {
      // It has ended since it was listed.
    }
  }
  return entries;
}

/** CPU seconds that each program has used since it began, by name. A program that has ended has no entry. */
export function cpuSecondsOf(programs: readonly Program[]): Map<string, number> {
  const entries = everyProcess();
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of entries) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const ticksOf = (pid: number): number =>
    (children.get(pid) ?? []).reduce((sum, child) => sum + ticksOf(child), entries.get(pid)?.ticks ?? 0);
  return new Map(programs.filter(({ pid }) => entries.has(pid)).map(({ name, pid }) => [name, ticksOf(pid) / ticksPerSecond]));
}

/** What a process's threads have used since it began. */
export function threadTimesOf(pid: number): ThreadTimes {
  const [, , , , , , , , , , , user = 0, system = 0] = statFields(`/proc/${pid}/task/${pid}/stat`).map(Number);
  const [, , , , , , , , , , , allUser = 0, allSystem = 0] = statFields(`/proc/${pid}/stat`).map(Number);
  const [own, all] = [user + system, allUser + allSystem];
  return { user: user / ticksPerSecond, system: system / ticksPerSecond, otherThreads: (all - own) / ticksPerSecond };
}

function sumOf(seconds: Map<string, number>): number {
  return [...seconds.values()].reduce((sum, value) => sum + value, 0);
}

const lookEveryMs = 250;
/** Less than this share of a core counts as doing nothing: heartbeats and polling go on for ever. */
const quietShare = 0.1;

/**
 * Waits until the programs do nothing any more, for so long at most: what they put off until after the last message (its record, its events,
 * the emptying of a queue's folders) is a part of what messages cost.
 */
export async function untilQuiet(programs: readonly Program[], timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let before = sumOf(cpuSecondsOf(programs)); performance.now() < deadline; ) {
    await sleep(lookEveryMs);
    const now = sumOf(cpuSecondsOf(programs));
    if (now - before <= (quietShare * lookEveryMs) / 1_000) return;
    before = now;
  }
}
