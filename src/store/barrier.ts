// Waiting until what was written is safe in more places than the memory of one Redis: with its replicas (WAIT), or on disk (WAITAOF).
// https://redis.io/docs/latest/commands/wait/ and https://redis.io/docs/latest/commands/waitaof/
import type { Redis } from "ioredis";
import type { Confirmation } from "../domain/durability.ts";
import type { Connection } from "./connection.ts";

export type Barrier = {
  /** Resolves with whether everything that was written before this call is safe now. Never rejects, and never takes longer than the time-out. */
  confirmed(): Promise<boolean>;
  /** Whether the last writes were confirmed. While they are not, nothing new should be begun: it might be done, and told otherwise. */
  holds(): boolean;
  /** What is missing, in words for an operator. */
  shortcoming(): string;
  stop(): void;
};

/**
 * Ways to Redis that wait side by side: a command that waits blocks its way, and with one fsync a second each wait may take that long.
 * Whoever asks meanwhile shares the next way with all others who ask.
 */
const waysMax = 4;
/** How often it is tried anew while writes are not confirmed. */
const probeEveryMs = 500;
/** What an answer may take on top of the waiting. */
const answerMs = 500;

/**
 * Opens the ways and tries once.
 * @throws Error if this Redis does not know the command that is needed, or has no append-only file to wait for
 */
export async function openBarrier({ client, keys }: Connection, settings: Confirmation): Promise<Barrier> {
  const { replicas, fsync, timeoutMs } = settings;
  const idle = Array.from({ length: waysMax }, () => client("hasty", { commandTimeoutMs: timeoutMs + answerMs }));
  const ways = [...idle];
  const waiting: ((way: Redis) => void)[] = [];
  let next: Promise<boolean> | undefined;
  let isHolding = true;
  let stopped = false;

  async function takeWay(): Promise<Redis> {
    return idle.pop() ?? new Promise((resolve) => waiting.push(resolve));
  }

  function giveBack(way: Redis): void {
    const first = waiting.shift();
    if (first) first(way);
    else idle.push(way);
  }

  /** A write of our own comes first: the log of writes is one, so that whatever was written before it, on any connection, is covered. */
  async function cross(way: Redis): Promise<boolean> {
    const written = way.set(keys.barrier, "");
    const waited = fsync ? way.call("WAITAOF", 1, replicas, timeoutMs) : way.wait(replicas, timeoutMs);
    const [, answer] = await Promise.all([written, waited]);
    if (!fsync) return Number(answer) >= replicas;
    const [local, remote] = (answer as unknown[]).map(Number);
    return (local ?? 0) >= 1 && (remote ?? 0) >= replicas;
  }

  async function begin(): Promise<boolean> {
    const way = await takeWay();
    // Whoever asks from here on wrote after this.
    next = undefined;
    const isSafe = await cross(way).catch(() => false);
    giveBack(way);
    return isSafe;
  }

  async function confirmed(): Promise<boolean> {
    next ??= begin();
    const asked = next;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    const isSafe = await Promise.race([asked, late]);
    clearTimeout(timer);
    isHolding = isSafe;
    return isSafe;
  }

  const stop = () => {
    stopped = true;
    clearInterval(probe);
    for (const way of ways) way.disconnect();
  };
  const probe = setInterval(() => {
    if (!isHolding && !stopped) void confirmed();
  }, probeEveryMs);
  probe.unref();

  try {
    const way = await takeWay();
    await whenReady(way);
    isHolding = await cross(way);
    giveBack(way);
  } catch (error) {
    stop();
    throw new Error(`durability cannot be had from this Redis: ${advice(error)}`, { cause: error });
  }
  return {
    confirmed,
    holds: () => isHolding,
    shortcoming: () => `writes are not confirmed by ${placesOf(settings)}: new mail is refused until they are`,
    stop,
  };
}

function placesOf({ replicas, fsync }: Confirmation): string {
  const elsewhere = replicas > 0 ? [`${replicas} ${replicas === 1 ? "replica" : "replicas"}`] : [];
  return [...elsewhere, ...(fsync ? ["the disk"] : [])].join(" and ");
}

function advice(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (/unknown command/i.test(text)) return "wait_fsync needs Redis 7.2 or later; leave it out, or set appendfsync always";
  if (/appendonly/i.test(text)) return "wait_fsync needs an append-only file; set appendonly yes";
  return text;
}

function whenReady(way: Redis): Promise<void> {
  return new Promise((resolve) => {
    if (way.status === "ready") resolve();
    else way.once("ready", () => resolve());
  });
}
