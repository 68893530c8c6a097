// Reading messages: one, or a tenant's, newest first. Nothing here changes a message.
import { isMessageId } from "../domain/ids.ts";
import type { Message, MessageRecord, RecipientState } from "../domain/message.ts";
import { relayMessageDigest } from "../domain/relayMessageId.ts";
import type { RecipientStatus } from "../domain/states.ts";
import { type AttemptHistory, unpackAttempt } from "./attemptHistory.ts";
import { createChunks } from "./chunks.ts";
import type { Connection } from "./connection.ts";
import { readDocument } from "./document.ts";
import { cursorOf, placeOf, readNewestFirst } from "./newestFirst.ts";

export type MessageFilter = {
  /** Any recipient's. */
  status?: RecipientStatus;
  recipient?: string;
  tag?: string;
  from?: string;
  /** Milliseconds, exclusive. */
  createdAfter?: number;
  createdBefore?: number;
};

export type MessagePage = { messages: Message[]; nextCursor?: string };

/** A filtered page looks at no more messages than this; it may then be short and still have a cursor. */
const scanLimit = 5_000;
const scanStep = 250;

export function createMessages({ redis, keys, clock }: Connection) {
  const stored = createChunks({ redis, keys });

  async function load(ids: string[]): Promise<Message[]> {
    if (ids.length === 0) return [];
    const found = await redis.mget(ids.map((id) => keys.message(id)));
    return ids.flatMap((id, index) => (found[index] ? [read(id, found[index], clock.now())] : []));
  }

  return {
    /** One message of a tenant, or undefined if there is none of that id or it is another tenant's. */
    async get(tenant: string, id: string): Promise<Message | undefined> {
      if (!isMessageId(id)) return undefined;
      const [message] = await load([id]);
      return message?.record.tenant === tenant ? message : undefined;
    },

    /** One message, whoever owns it: for upkeep and for the event log's readers. */
    async find(id: string): Promise<Message | undefined> {
      return (await load([id]))[0];
    },

    /** Which message a relay's provider calls so, as its reply told us; undefined where none of them is known, or no longer. */
    async idByRelayMessageId(relayMessageId: string): Promise<string | undefined> {
      return (await redis.get(keys.relayMessage(relayMessageDigest(relayMessageId)))) ?? undefined;
    },

    /** The tags and metadata of messages, for their events. */
    async records(ids: string[]): Promise<Map<string, MessageRecord>> {
      const distinct = [...new Set(ids)];
      if (distinct.length === 0) return new Map();
      return new Map((await load(distinct)).map(({ record }) => [record.id, record]));
    },

    /** A page of a tenant's messages, newest first. `cursor` is one that a page returned. */
    async list(tenant: string, filter: MessageFilter, limit: number, cursor?: string): Promise<MessagePage> {
      const range = { after: filter.createdAfter, before: filter.createdBefore };
      const messages: Message[] = [];
      let place = placeOf(cursor);
      for (let scanned = 0; scanned < scanLimit; scanned += scanStep) {
        const places = await readNewestFirst(redis, keys.tenantMessages(tenant), scanStep, place, range);
        const found = new Map((await load(places.map(({ id }) => id))).map((message) => [message.record.id, message]));
        for (const next of places) {
          const message = found.get(next.id);
          if (message && matches(message, filter)) {
            // One more than asked for is looked for, so that the last page is known to be the last.
            if (messages.length === limit) return { messages, ...(place && { nextCursor: cursorOf(place) }) };
            messages.push(message);
          }
          place = next;
        }
        if (places.length < scanStep) return { messages };
      }
      return { messages, ...(place && { nextCursor: cursorOf(place) }) };
    },

    /** The finished bytes while they are kept. */
    content: (record: MessageRecord): Promise<Buffer | undefined> => stored.read(record),

    /** The history of attempts, oldest first, as they were recorded. */
    async attempts(id: string): Promise<AttemptHistory[]> {
      // In this order: what is the newest no longer is found among those before.
      const text = await redis.get(keys.message(id));
      const lines = await redis.lrange(keys.attempts(id), 0, -1);
      if (text === null) return [];
      const { record, attempt: newest } = readDocument(id, text);
      const all = newest === undefined || lines.includes(newest) ? lines : [...lines, newest];
      const addresses = record.recipients.map(({ address }) => address);
      return all.map((line) => unpackAttempt(line, addresses));
    },

    /**
     * Takes messages that are gone out of a tenant's list, from those accepted before `before` (ms), `limit` at a time.
     * @param skip how many of the oldest are known to be kept still
     * @returns how many went and how many stay; together fewer than `limit`: that was the last slice
     */
    async sweep(tenant: string, before: number, limit: number, skip = 0): Promise<{ gone: number; kept: number }> {
      const ids = await redis.zrangebyscore(keys.tenantMessages(tenant), "-inf", before, "LIMIT", skip, limit);
      const found = ids.length > 0 ? await redis.mget(ids.map((id) => keys.message(id))) : [];
      const gone = ids.filter((_, index) => !found[index]);
      if (gone.length > 0) await redis.zrem(keys.tenantMessages(tenant), ...gone);
      return { gone: gone.length, kept: ids.length - gone.length };
    },
  };
}

export type Messages = ReturnType<typeof createMessages>;

/** A scheduled recipient whose time has come waits in the queue: that is what `queued` says. */
function read(id: string, text: string, now: number): Message {
  const { record, state } = readDocument(id, text);
  const due = (recipient: RecipientState) => (state.dispatches[recipient.dispatch]?.next_at ?? 0) <= now;
  const recipients = state.recipients.map((recipient) =>
    recipient.status === "scheduled" && due(recipient) ? { ...recipient, status: "queued" as const } : recipient,
  );
  return { record, state: { ...state, recipients } };
}

function matches({ record, state }: Message, filter: MessageFilter): boolean {
  if (filter.tag !== undefined && !record.tags.includes(filter.tag)) return false;
  if (filter.from !== undefined && record.from !== filter.from && record.envelope_from !== filter.from) return false;
  if (filter.status === undefined && filter.recipient === undefined) return true;
  // With both, the same recipient has to match.
  return state.recipients.some(
    (recipient, index) =>
      (filter.status === undefined || recipient.status === filter.status) &&
      (filter.recipient === undefined || record.recipients[index]?.address.toLowerCase() === filter.recipient.toLowerCase()),
  );
}
