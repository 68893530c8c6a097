// Reading the event log for webhooks: one consumer group over it, shared by all workers, so that each event is handled by one of them,
// and by another if that one dies. Handling it twice makes no second delivery.
import { eventId, type StoredEvent } from "../domain/events.ts";
import type { Connection } from "./connection.ts";
import { readEntry } from "./events.ts";
import { loadScript, runScript } from "./scripts.ts";
import { freshRow } from "./webhookDeliveries.ts";
import type { StoredWebhook } from "./webhooks.ts";

export const consumerGroup = "notify";

/** Events of one reading, and deliveries of one script: both small enough that Redis serves everybody else in between. */
const readStep = 500;
const deliveryStep = 200;

const scripts = { fanOut: loadScript("webhook-fan-out"), retire: loadScript("webhook-retire") };

/** A null where the entry was removed from the log while it was pending. */
type Entry = [id: string, fields: string[] | null];

/** What was read: entries to handle, or none. */
export type Batch = { entries: Entry[] };

/** What the metrics count events by. `source` and `imported`: of a suppression, and how many the event stands for. */
export type EventKind = { type: string; category: string; source: string; imported: number };

type Subscriber = Pick<StoredWebhook, "id" | "tenant" | "from_sequence"> & { takes: (type: string) => boolean };

/**
 * One process's reader. `consumer` names it among all workers: a restarted process goes on under the same name.
 * Its functions are for one loop: none may run twice at a time.
 */
export function createWebhookFanOut(connection: Connection, options: { consumer: string; retentionMs: number }) {
  const { redis, keys, clock } = connection;
  const { consumer, retentionMs } = options;
  // Waits inside Redis for the next event, so that nothing else can wait behind it.
  const blocking = connection.client("patient");
  let isClosed = false;
  let interruptReading: (reason: Error) => void = () => undefined;
  /** A reply that was lost with a connection held entries that are now ours, unseen: they are read again before new ones. */
  let ownFirst = true;
  /** What Redis calls the connection that waits. */
  let waitingId: number | undefined;
  blocking.on("ready", () => {
    ownFirst = true;
    waitingId = undefined;
  });

  let version: string | null | undefined;
  let subscribers = new Map<string, Subscriber[]>();

  /** The subscriptions as they are now. A copy is kept as long as nobody has changed any. */
  async function loadSubscribers(): Promise<Map<string, Subscriber[]>> {
    const current = await redis.get(keys.webhooksVersion);
    if (version !== undefined && current === version) return subscribers;
    const ids = await redis.smembers(keys.webhooks);
    const found = ids.length > 0 ? await redis.mget(ids.map((id) => keys.webhook(id))) : [];
    subscribers = new Map();
    for (const text of found) {
      if (!text) continue;
      const { id, tenant, from_sequence, events } = JSON.parse(text) as StoredWebhook;
      const types = new Set<string>(events);
      const takes = types.has("*") ? () => true : (type: string) => types.has(type);
      subscribers.set(tenant, [...(subscribers.get(tenant) ?? []), { id, tenant, from_sequence, takes }]);
    }
    version = current;
    return subscribers;
  }

  return {
    /** Makes the group if there is none, at the very beginning: what was accepted before the first worker started is not lost. */
    async prepare(): Promise<void> {
      await redis.xgroup("CREATE", keys.events, consumerGroup, "0", "MKSTREAM").catch((error: Error) => {
        if (!error.message.startsWith("BUSYGROUP")) throw error;
      });
    },

    /** Waits up to `blockMs` for events that nobody has read; the ones that this consumer has read and not handled come first. */
    async read(blockMs: number): Promise<Batch> {
      waitingId ??= await interruptible(() => blocking.client("ID"));
      const wanted = ownFirst ? "0" : ">";
      const group = ["GROUP", consumerGroup, consumer] as const;
      const answer = await interruptible(() =>
        blocking.xreadgroup(...group, "COUNT", readStep, "BLOCK", blockMs, "STREAMS", keys.events, wanted),
      );
      const entries = (answer?.[0]?.[1] ?? []) as Entry[];
      if (wanted === "0" && entries.length === 0) ownFirst = false;
      return { entries };
    },

    /** What this consumer has read and not handled; after `interrupt` also what had been given to it in a reply that it never saw. */
    async inHand(): Promise<Batch> {
      // Until Redis sees that it is closed, a waiting connection is given events that nobody will ever read.
      if (waitingId !== undefined) await redis.client("KILL", "ID", waitingId).catch(() => undefined);
      const answer = await redis.xreadgroup("GROUP", consumerGroup, consumer, "COUNT", readStep, "STREAMS", keys.events, "0");
      return { entries: ((answer?.[0]?.[1] ?? []) as (Entry | null)[]).filter((entry) => entry !== null) };
    },

    /** What this consumer has read must be read again: handling it failed. */
    again(): void {
      ownFirst = true;
    },

    /** Takes over what other consumers have read and not handled for `idleMs`. */
    async takeOver(idleMs: number): Promise<Batch> {
      const answer = await redis.xautoclaim(keys.events, consumerGroup, consumer, idleMs, "0-0", "COUNT", readStep);
      return { entries: ((answer[1] ?? []) as (Entry | null)[]).filter((entry) => entry !== null) };
    },

    /**
     * Makes each event of the batch due at the webhooks that subscribe to it, and acknowledges it.
     * @returns how many deliveries were made, what kinds of events these were, and entries that are no events (they are acknowledged too)
     */
    async handle({ entries }: Batch): Promise<{ made: number; kinds: EventKind[]; unreadable: string[] }> {
      const current = await loadSubscribers();
      const unreadable: string[] = [];
      const plain: string[] = [];
      const due: { id: string; event: StoredEvent; webhooks: Subscriber[] }[] = [];
      for (const entry of entries) {
        const event = current.size > 0 ? readable(entry) : undefined;
        if (!event) {
          if (current.size > 0 && entry[1]) unreadable.push(entry[0]);
          plain.push(entry[0]);
          continue;
        }
        const wanting = current.get(event.tenant) ?? [];
        const webhooks = wanting.filter((webhook) => webhook.takes(event.type) && event.sequence > webhook.from_sequence);
        if (webhooks.length === 0) plain.push(entry[0]);
        else due.push({ id: entry[0], event, webhooks });
      }
      if (plain.length > 0) await redis.xack(keys.events, consumerGroup, ...plain);

      let made = 0;
      for (let start = 0; start < due.length; ) {
        let end = start;
        let count = 0;
        while (end < due.length && (count === 0 || count + (due[end]?.webhooks.length ?? 0) <= deliveryStep)) {
          count += due[end]?.webhooks.length ?? 0;
          end += 1;
        }
        made += await fanOut(due.slice(start, end));
        start = end;
      }
      return { made, kinds: entries.flatMap((entry) => kindOf(entry) ?? []), unreadable };
    },

    /** Removes consumers of processes that ended long ago and left nothing behind. */
    async retireOthers(idleMs: number): Promise<void> {
      await runScript(redis, scripts.retire, [keys.events], [consumerGroup, idleMs, ""]);
    },

    /** Ends a waiting `read`, which then rejects. */
    interrupt,

    /** Takes this consumer off the group, unless it has something left that another must find. */
    async retire(): Promise<void> {
      interrupt();
      await runScript(redis, scripts.retire, [keys.events], [consumerGroup, 0, consumer]);
    },
  };

  function interrupt(): void {
    isClosed = true;
    blocking.disconnect();
    interruptReading(new Error("reading events was interrupted"));
  }

  /** A command of a client that was about to reconnect is never answered after disconnect(), not even with an error. */
  function interruptible<Answer>(command: () => Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      interruptReading = reject;
      if (isClosed) interrupt();
      else command().then(resolve, reject);
    });
  }

  async function fanOut(events: { id: string; event: StoredEvent; webhooks: Subscriber[] }[]): Promise<number> {
    const rows: string[] = [];
    const values: (string | number)[] = [];
    const now = clock.now();
    for (const { event, webhooks } of events) {
      const id = eventId(event);
      const row = freshRow(event, now);
      for (const webhook of webhooks) {
        rows.push(keys.delivery(webhook.id, id), keys.webhookDue(webhook.id), keys.webhookDeliveries(webhook.id));
        values.push(webhook.id, id, event.at, row);
      }
    }
    const handled = JSON.stringify(events.map(({ id }) => id));
    const made = await runScript(
      redis,
      scripts.fanOut,
      [keys.events, keys.webhooks, keys.webhooksDue, ...rows],
      [consumerGroup, retentionMs, handled, ...values],
    );
    return Number(made);
  }
}

export type WebhookFanOut = ReturnType<typeof createWebhookFanOut>;

/** How many events no webhook reader has handled yet; 0 before the first reader came. */
export async function eventBacklog({ redis, keys }: Connection): Promise<number> {
  if ((await redis.exists(keys.events)) === 0) return 0;
  const groups = (await redis.xinfo("GROUPS", keys.events)) as unknown[][];
  for (const flat of groups) {
    const field = (name: string) => String(flat[flat.indexOf(name) + 1]);
    if (field("name") !== consumerGroup) continue;
    const newest = Number((await redis.get(keys.sequence)) ?? 0);
    // Sequence numbers have no gaps, so their difference is a count; but where a log had lost its end, it went on far behind.
    const unread = Math.min(newest - Number(field("last-delivered-id").split("-")[0]), await redis.xlen(keys.events));
    return Math.max(0, unread) + Number(field("pending"));
  }
  return 0;
}

/**
 * An event's kind, read off its text: this is done for every event, and few are parsed. A quote inside a value is escaped, so that no
 * value can pass for one of the fields.
 */
function kindOf([id, fields]: Entry): EventKind | undefined {
  const text = fields?.[1] ?? "";
  const listed = /^\["([a-z_.]+)"/.exec(text)?.[1];
  if (listed !== undefined) {
    // Without names it has to be parsed for its category, which the two most frequent kinds never have.
    const hasNone = listed === "message.accepted" || listed === "message.sent";
    return { type: listed, category: hasNone ? "" : (readable([id, fields])?.category ?? ""), source: "", imported: 0 };
  }
  const type = /"type":"([a-z_.]+)"/.exec(text)?.[1];
  if (type === undefined) return undefined;
  const category = /"category":"([a-z_]+)"/.exec(text)?.[1] ?? "";
  if (!type.startsWith("suppression.")) return { type, category, source: "", imported: 0 };
  return { type, category, source: /"source":"([a-z]+)"/.exec(text)?.[1] ?? "", imported: Number(/"imported":(\d+)/.exec(text)?.[1] ?? 1) };
}

function readable([id, fields]: Entry): StoredEvent | undefined {
  if (!fields) return undefined;
  try {
    return readEntry([id, fields]);
  } catch {
    return undefined;
  }
}
