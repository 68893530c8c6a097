// Replaying a webhook's past events: asked for in one step, carried out by the workers slice by slice, from the event log.
// How far it has come is stored, so a crash loses nothing; it pauses while enough is waiting, so that Redis does not fill with what is due.
import { eventId } from "../domain/events.ts";
import type { Connection } from "./connection.ts";
import { readEntry } from "./events.ts";
import { loadScript, runForCaller, runForWord } from "./scripts.ts";
import { freshRow } from "./webhookDeliveries.ts";
import { isWebhookId, type StoredWebhook } from "./webhooks.ts";

/** `since` in milliseconds; events up to `until` (a sequence number); done up to `position`, absent before the first slice. */
export type Replay = { since: number; until: number; position?: number };

export type ReplayResult = { kind: "replaying"; replay: Replay } | { kind: "gone" } | { kind: "disabled" };

/** `more`: go on at once; `later`: enough is waiting, or the webhook is disabled; `ended`: nothing is left of it. */
export type SliceResult = { kind: "more" | "later" | "ended"; madeDue: number };

const sliceStep = 200;
/** Deliveries of one webhook that may be overdue before its replay pauses. */
const overdueMax = 1_000;
/** The log is in order of storing; an event's own time may be a little earlier than that of one before it. */
const disorderMs = 60_000;

const scripts = { start: loadScript("webhook-replay-start"), slice: loadScript("webhook-replay-slice") };

/** `retentionMs`: how long deliveries, and a replay that cannot go on, are kept. */
export function createWebhookReplays({ redis, keys, clock }: Connection, { retentionMs }: { retentionMs: number }) {
  return {
    /**
     * Asks for all events since a time (ms) that the webhook subscribes to, whatever became of their deliveries, to be sent again.
     * What is waiting becomes due at once and is not doubled. While a replay since the same or an earlier time runs, that one goes on.
     */
    async start(tenant: string, webhookId: string, since: number): Promise<ReplayResult> {
      if (!isWebhookId(webhookId)) return { kind: "gone" };
      const [word, text] = await runForCaller(
        { redis, clock },
        scripts.start,
        [keys.webhook(webhookId), keys.webhookReplay(webhookId), keys.webhooksReplaying, keys.webhooks, keys.sequence],
        [tenant, Math.trunc(since), retentionMs],
      );
      if (word === "replaying" && text) return { kind: "replaying", replay: JSON.parse(text.toString()) };
      return { kind: word === "disabled" ? "disabled" : "gone" };
    },

    /** Ids of the webhooks with a replay that has not ended. */
    async running(): Promise<string[]> {
      return redis.smembers(keys.webhooksReplaying);
    },

    /** Carries out the next slice of a webhook's replay. Any number of workers may do so at a time. */
    async advance(webhookId: string): Promise<SliceResult> {
      const [text, stored] = await redis.mget(keys.webhookReplay(webhookId), keys.webhook(webhookId));
      if (!text || !stored) {
        await redis.srem(keys.webhooksReplaying, webhookId);
        return { kind: "ended", madeDue: 0 };
      }
      const replay = JSON.parse(text) as Replay;
      const webhook = JSON.parse(stored) as StoredWebhook;
      const after = replay.position ?? (await positionBefore(replay.since - disorderMs));
      const entries = await redis.xrange(keys.events, `(${after}-0`, `${replay.until}-0`, "COUNT", sliceStep);
      const events = entries.map(readEntry);
      const types = new Set<string>(webhook.events);
      const wanted = events.filter(
        (event) => event.tenant === webhook.tenant && event.at >= replay.since && (types.has("*") || types.has(event.type)),
      );
      const last = events.at(-1)?.sequence ?? replay.until;
      const ended = entries.length < sliceStep || last >= replay.until;
      const now = clock.now();
      const [word, count] = await runForWord(
        redis,
        scripts.slice,
        [
          keys.webhookReplay(webhookId),
          keys.webhooksReplaying,
          keys.webhooks,
          keys.webhooksDue,
          keys.webhookDue(webhookId),
          keys.webhookLeases(webhookId),
          keys.webhookDeliveries(webhookId),
          ...wanted.map((event) => keys.delivery(webhookId, eventId(event))),
        ],
        [
          webhookId,
          text,
          ended ? "" : JSON.stringify({ ...replay, position: last }),
          retentionMs,
          overdueMax,
          ...wanted.flatMap((event) => [eventId(event), event.at, freshRow(event, now)]),
        ],
      );
      if (word !== "replayed") return { kind: "later", madeDue: 0 };
      return { kind: ended ? "ended" : "more", madeDue: Number(count) };
    },
  };

  /** A sequence number before every event of that time (ms) or later, found by halving: one entry is read at each step. */
  async function positionBefore(time: number): Promise<number> {
    const first = await eventFrom(0);
    if (!first) return 0;
    let before = first.sequence - 1;
    let end = Number((await redis.get(keys.sequence)) ?? 0) + 1;
    while (end - before > 1) {
      const middle = Math.floor((before + end) / 2);
      const event = await eventFrom(middle);
      if (event && event.at < time) before = Math.max(event.sequence, middle);
      else end = middle;
    }
    return before;
  }

  async function eventFrom(sequence: number) {
    const [entry] = await redis.xrange(keys.events, `${sequence}-0`, "+", "COUNT", 1);
    return entry && readEntry(entry);
  }
}

export type WebhookReplays = ReturnType<typeof createWebhookReplays>;
