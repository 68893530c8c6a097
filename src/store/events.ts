// Reading the event log. Scripts write it, in the same step as the change that an event tells of.
import type { Redis } from "ioredis";
import type { EventType, StoredEvent } from "../domain/events.ts";
import type { Connection } from "./connection.ts";

/** A page looks at no more of the log than this; it may then be short and still have a cursor. */
const scanLimit = 20_000;
const scanStep = 1_000;

export type EventPage = { events: StoredEvent[] /** Sequence number to go on from. */; position: number; hasMore: boolean };

/** An entry of the stream, as Redis answers it. */
export type Entry = [id: string, fields: string[]];

export function createEvents(connection: Connection) {
  const { redis, keys } = connection;
  return {
    /** A tenant's events after a sequence number, oldest first. */
    async page(tenant: string, after: number, limit: number, types?: readonly EventType[]): Promise<EventPage> {
      const events: StoredEvent[] = [];
      let position = after;
      for (let scanned = 0; scanned < scanLimit; scanned += scanStep) {
        const entries = await redis.xrange(keys.events, `(${position}-0`, "+", "COUNT", scanStep);
        for (const entry of entries) {
          const event = readEntry(entry as Entry);
          if (event.tenant === tenant && (!types || types.includes(event.type))) {
            if (events.length === limit) return { events, position, hasMore: true };
            events.push(event);
          }
          position = event.sequence;
        }
        if (entries.length < scanStep) return { events, position, hasMore: false };
      }
      return { events, position, hasMore: true };
    },

    /** The events of these sequence numbers that are still in the log, in order. */
    async bySequence(sequences: readonly number[]): Promise<StoredEvent[]> {
      if (sequences.length === 0) return [];
      const pipeline = redis.pipeline();
      for (const sequence of sequences) pipeline.xrange(keys.events, `${sequence}-0`, `${sequence}-0`);
      const answers = (await pipeline.exec()) ?? [];
      return answers.flatMap(([error, entries]) => {
        if (error) throw error;
        return (entries as Entry[]).map(readEntry);
      });
    },

    /** Sequence number of the newest event, 0 if there never was one. */
    async newest(): Promise<number> {
      return Number((await redis.get(keys.sequence)) ?? 0);
    },

    /**
     * Follows the log from a sequence number and hands over events as they come, until stopped.
     * While Redis is away it waits and then goes on where it was.
     */
    tail(after: number, onEvents: (events: StoredEvent[]) => void): { stop(): void } {
      const client = connection.client("patient");
      const state = { stopped: false };
      void follow(client, keys.events, after, state, onEvents);
      return {
        stop: () => {
          state.stopped = true;
          client.disconnect();
        },
      };
    },

    /**
     * Drops events older than `before` (ms), but none that a consumer group has not read and acknowledged.
     * Returns how many were dropped.
     */
    async trim(before: number): Promise<number> {
      const unread = await oldestUnread();
      let dropped = 0;
      for (;;) {
        const entries = (await redis.xrange(keys.events, "-", "+", "COUNT", scanStep)) as Entry[];
        const keep = entries.find((entry) => readEntry(entry).at >= before || (unread !== undefined && sequenceOfEntry(entry) >= unread));
        const last = entries.at(-1);
        if (!last) return dropped;
        const minimum = keep ? sequenceOfEntry(keep) : sequenceOfEntry(last) + 1;
        dropped += await redis.xtrim(keys.events, "MINID", `${minimum}-0`);
        if (keep || entries.length < scanStep) return dropped;
      }
    },
  };

  /** The oldest sequence number that some consumer group still needs, or undefined if nobody waits for anything old. */
  async function oldestUnread(): Promise<number | undefined> {
    const exists = await redis.exists(keys.events);
    if (exists === 0) return undefined;
    const groups = (await redis.xinfo("GROUPS", keys.events)) as unknown[][];
    const needed: number[] = [];
    for (const group of groups) {
      const fields = Object.fromEntries(pairs(group));
      needed.push(sequenceOfId(String(fields["last-delivered-id"])) + 1);
      const pending = (await redis.xpending(keys.events, String(fields.name))) as [number, string | null];
      if (pending[1]) needed.push(sequenceOfId(pending[1]));
    }
    return needed.length > 0 ? Math.min(...needed) : undefined;
  }
}

export type Events = ReturnType<typeof createEvents>;

async function follow(
  client: Redis,
  key: string,
  after: number,
  state: { stopped: boolean },
  onEvents: (events: StoredEvent[]) => void,
): Promise<void> {
  let position = after;
  while (!state.stopped) {
    try {
      const answer = await client.xread("COUNT", scanStep, "BLOCK", 5_000, "STREAMS", key, `${position}-0`);
      const entries = (answer?.[0]?.[1] ?? []) as Entry[];
      if (entries.length === 0) continue;
      const events = entries.map(readEntry);
      position = (events.at(-1) as StoredEvent).sequence;
      onEvents(events);
    } catch {
      if (state.stopped) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

function pairs(flat: unknown[]): [string, unknown][] {
  const found: [string, unknown][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) found.push([String(flat[index]), flat[index + 1]]);
  return found;
}

function sequenceOfId(id: string): number {
  return Number(id.split("-")[0]);
}

function sequenceOfEntry([id]: Entry): number {
  return sequenceOfId(id);
}

/**
 * An entry of the stream as an event. What became of a message or a recipient lies there as a list of values, without names (packEvent, and
 * append_settling in ledger.lua); all else as StoredEvent.
 */
export function readEntry([id, fields]: Entry): StoredEvent {
  const stored = JSON.parse(fields[1] as string);
  const sequence = sequenceOfId(id);
  if (!Array.isArray(stored)) return { ...stored, sequence };
  const event: Record<string, unknown> = { sequence };
  for (const [index, value] of stored.entries()) {
    const name = packedFields[index];
    if (name !== undefined && value !== null) event[name] = value;
  }
  // The type of an event about a recipient says its new status.
  if (event.recipient !== undefined) event.status = String(event.type).slice("message.".length);
  return event as StoredEvent;
}

const packedFields = [
  ...["type", "at", "tenant", "message_id", "recipient", "attempt", "relay", "reply", "category", "rule", "hard_bounce"],
  ...["possible_duplicate", "suppression"],
] as const;

/** An event about a message as it lies in the log. */
export function packEvent({ type, at, tenant, message_id }: Pick<StoredEvent, "type" | "at" | "tenant" | "message_id">): string {
  return JSON.stringify([type, at, tenant, message_id]);
}
