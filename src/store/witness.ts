// What this process knows that Redis has acknowledged, so that a Redis that went back behind it (a replica was promoted without the
// last writes, an append-only file lost its end) is found out, and what is gone can be named.
import { randomUUID } from "node:crypto";
import type { RecordInput } from "./attempts.ts";
import type { Connection } from "./connection.ts";
import { loadScript, runForWord } from "./scripts.ts";

/** What Redis has recorded: a relay took these recipients' mail. `at`: when that was recorded (ms, Redis time). */
export type AcknowledgedSend = Pick<RecordInput, "messageId" | "outcomes"> & { at: number };

/** The numbers of events that are gone, as far as this process knows: the first and the last; `to` is 0 where it knows of none. */
export type WentBack = { from: number; to: number };

export type Witness = {
  /** Redis has acknowledged a message, and the log up to this number. */
  accepted(messageId: string, sequence: number): void;
  /** Redis has recorded these outcomes at that time, and the log up to this number. */
  recorded(input: RecordInput, as: { at: number; sequence: number }): void;
  /** Compares Redis with what is known. Undefined if nothing is gone, or is told already. Rejects while Redis is away. */
  look(): Promise<WentBack | undefined>;
  /** Which of the messages that were acknowledged of late are not there. Each is told once. */
  missing(): Promise<string[]>;
  /** The sends of late that a relay took, and Redis may have forgotten. */
  sends(): AcknowledgedSend[];
  /** Nothing is claimed until this has ended: it finds out what Redis has forgotten, and says it again. */
  hold(work: Promise<unknown>): void;
  /** Resolves when nothing is held. */
  answered(): Promise<unknown>;
};

/** Replication lags by less, or has ended long ago; and a record of that many is a few megabytes. */
const keptMs = 10 * 60_000;
const keptMax = 20_000;
/** Sequence numbers left out where a log goes on: more than other processes may have seen beyond this one. */
const leftOut = 1_000_000;
const askStep = 500;

const script = loadScript("lineage");

/** @param keepMs messages and events may be gone after that by themselves (their retention) */
export function createWitness({ redis, keys }: Connection, { keepMs }: { keepMs: number }): Witness {
  const messages = createMemory<string>(Math.min(keepMs / 2, keptMs));
  /** As text: one thing for the garbage collector to look at instead of ten. */
  const sends = createMemory<string>(Math.min(keepMs / 2, keptMs));
  let newest = 0;
  let lineage: string | undefined;
  let held: Promise<unknown> = Promise.resolve();
  let looking: Promise<WentBack | undefined> | undefined;

  async function look(): Promise<WentBack | undefined> {
    const seen = newest;
    const [word, found, end] = await runForWord(redis, script, [keys.sequence, keys.lineage], [seen, leftOut, randomUUID()]);
    const isSame = lineage === undefined || lineage === word;
    lineage = word;
    newest = Math.max(newest, Number(end));
    if (isSame) return undefined;
    // Another process was here before: what is gone it has told, and the log goes on already.
    return Number(found) < seen ? { from: Number(found) + 1, to: seen } : { from: 0, to: 0 };
  }

  return {
    accepted: (messageId, sequence) => {
      newest = Math.max(newest, sequence);
      messages.keep(messageId);
    },
    recorded: ({ messageId, outcomes }, { at, sequence }) => {
      newest = Math.max(newest, sequence);
      const sent = outcomes.filter(({ kind }) => kind === "sent");
      if (sent.length > 0) sends.keep(JSON.stringify({ messageId, outcomes: sent, at } satisfies AcknowledgedSend));
    },
    look: () => {
      looking ??= look().finally(() => {
        looking = undefined;
      });
      return looking;
    },
    missing: async () => {
      const ids = messages.all();
      const gone: string[] = [];
      for (let start = 0; start < ids.length; start += askStep) {
        const asked = ids.slice(start, start + askStep);
        const found = await redis.mget(asked.map((id) => keys.message(id)));
        gone.push(...asked.filter((_id, index) => found[index] === null));
      }
      messages.forget(gone);
      return gone;
    },
    sends: () => sends.all().map((text) => JSON.parse(text) as AcknowledgedSend),
    hold: (work) => {
      held = work.catch(() => undefined);
    },
    answered: () => held,
  };
}

/** Keeps what is given for a while, the newest of it. */
function createMemory<Value>(forMs: number) {
  let kept: { value: Value; at: number }[] = [];
  const prune = () => {
    const oldest = performance.now() - forMs;
    kept = kept.slice(-keptMax).filter(({ at }) => at >= oldest);
  };
  return {
    keep: (value: Value) => {
      kept.push({ value, at: performance.now() });
      // Not at every one: it walks over all of them.
      if (kept.length >= 2 * keptMax) prune();
    },
    all: (): Value[] => {
      prune();
      return kept.map(({ value }) => value);
    },
    forget: (values: readonly Value[]) => {
      const gone = new Set(values);
      kept = kept.filter(({ value }) => !gone.has(value));
    },
  };
}
