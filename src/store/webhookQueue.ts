// What is due, for those who deliver it: claim a few, send them, record what came of it. A claim is a lease, so a dead worker's come back.
import type { Connection } from "./connection.ts";
import { loadScript, runForWord } from "./scripts.ts";
import { type DeliveryRow, parse, type Try } from "./webhookDeliveries.ts";
import type { StoredWebhook } from "./webhooks.ts";

export type QueueSettings = {
  /** Deliveries under way to one webhook at a time, in the whole fleet. */
  perWebhook: number;
  /** Longer than any try may take. */
  leaseMs: number;
  /** How long a webhook may fail until it is disabled. */
  disableAfterMs: number;
  /** How long deliveries are kept. */
  retentionMs: number;
};

/** Deliveries of one webhook, leased to us. A row that has run out meanwhile is left out. */
export type Claim = { webhook: StoredWebhook; leaseEnd: number; deliveries: { eventId: string; row: DeliveryRow }[] };

/** What a try came to; `refused`: the endpoint wants no more (410); `lost`: there is nothing to send any more; `released`: not tried. */
export type TryOutcome = "succeeded" | "failed" | "refused" | "lost" | "released";

export type RecordResult = {
  status: "stale" | "gone" | "released" | "succeeded" | "waiting" | "failed";
  /** The webhook was disabled by this. */
  disabled: boolean;
};

/** How soon a failing webhook is looked at again that found no room. */
const noRoomMs = 1_000;

const scripts = { claim: loadScript("webhook-claim"), record: loadScript("webhook-record") };

export function createWebhookQueue({ redis, keys, clock }: Connection, settings: QueueSettings) {
  const { perWebhook, leaseMs, disableAfterMs, retentionMs } = settings;

  return {
    /** Ids of webhooks that have something due, the longest waiting first. */
    async claimable(limit: number): Promise<string[]> {
      return redis.zrangebyscore(keys.webhooksDue, "-inf", clock.now(), "LIMIT", 0, limit);
    },

    /**
     * Claims due deliveries of a webhook: at most `room`, or `failingRoom` if it is failing, and never more than its free slots.
     * Undefined when none could be claimed.
     */
    async claim(webhookId: string, room: number, failingRoom: number): Promise<Claim | undefined> {
      const [word, text, ends, ...ids] = await runForWord(
        redis,
        scripts.claim,
        [keys.webhook(webhookId), keys.webhookDue(webhookId), keys.webhookLeases(webhookId), keys.webhooksDue, keys.webhooks],
        [webhookId, room, failingRoom, perWebhook, leaseMs, retentionMs, noRoomMs],
      );
      if (word !== "claimed" || !text) return undefined;
      const leaseEnd = Number(ends);
      const eventIds = ids.map(String);
      const rows = await redis.mget(eventIds.map((eventId) => keys.delivery(webhookId, eventId)));
      const deliveries: Claim["deliveries"] = [];
      for (const [index, eventId] of eventIds.entries()) {
        const row = parse(rows[index]);
        if (row) deliveries.push({ eventId, row });
        else await record({ webhookId, eventId, leaseEnd, outcome: "lost" });
      }
      return { webhook: JSON.parse(text.toString()), leaseEnd, deliveries };
    },

    record,
  };

  /** Records what became of a claimed delivery; may be repeated. `retryInMs` absent: it was the last try. */
  async function record(input: {
    webhookId: string;
    eventId: string;
    leaseEnd: number;
    outcome: TryOutcome;
    try?: Try;
    retryInMs?: number | undefined;
  }): Promise<RecordResult> {
    const { webhookId, eventId, leaseEnd, outcome } = input;
    const [status, disabled] = await runForWord(
      redis,
      scripts.record,
      [
        keys.webhook(webhookId),
        keys.delivery(webhookId, eventId),
        keys.webhookDue(webhookId),
        keys.webhookLeases(webhookId),
        keys.webhooksDue,
        keys.webhooks,
        keys.webhooksVersion,
        keys.events,
        keys.sequence,
      ],
      [
        webhookId,
        eventId,
        leaseEnd,
        outcome,
        JSON.stringify(input.try ?? {}),
        input.retryInMs === undefined ? -1 : Math.round(input.retryInMs),
        perWebhook,
        disableAfterMs,
        retentionMs,
      ],
    );
    return { status: status as RecordResult["status"], disabled: disabled !== undefined };
  }
}

export type WebhookQueue = ReturnType<typeof createWebhookQueue>;
