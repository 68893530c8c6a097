// Deliveries as their owner sees them: the list, one, and trying one again.
import { type EventType, eventId as idOfEvent } from "../domain/events.ts";
import type { Connection } from "./connection.ts";
import { loadScript, runForCaller, runScript } from "./scripts.ts";
import { isWebhookId, type StoredWebhook } from "./webhooks.ts";

export const deliveryStatuses = ["pending", "succeeded", "failed"] as const;

export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** One request to the endpoint. `error` says in words why there was no answer, or no good one. */
export type Try = { at: number; status?: number; error?: string; duration_ms: number; response_snippet?: string };

/** A delivery as it is stored, under its webhook's and its event's id. Times in milliseconds since the epoch. */
export type DeliveryRow = {
  type: EventType;
  /** Of the event. */
  at: number;
  /** `pending`: it waits for its next try or is being tried. */
  status: DeliveryStatus;
  /** Tries so far. */
  attempts: number;
  /** Where in the schedule of tries it stands; a replay begins it anew. */
  step: number;
  next_at?: number;
  /** The last ones, oldest first; only the newest answer is kept. */
  tries?: Try[];
  /** Made up to test the endpoint: tried once, and in no event log. */
  test?: boolean;
};

export type Delivery = Omit<DeliveryRow, "step" | "tries" | "test"> & { id: string; event_id: string; tries: Try[]; test: boolean };

export type DeliveryPage = { deliveries: Delivery[]; nextCursor?: string };

/** What became of a wish to try again: `disabled`: the webhook has to be enabled first. */
export type DueResult = { kind: "due"; delivery: Delivery } | { kind: "gone" } | { kind: "disabled" };

/** A filtered page looks at no more deliveries than this; it may then be short and still have a cursor. */
const scanLimit = 5_000;
const scanStep = 200;

const scripts = { fanOut: loadScript("webhook-fan-out"), replayOne: loadScript("webhook-replay-one") };

/** `retentionMs`: how long deliveries are kept. */
export function createWebhookDeliveries({ redis, keys, clock }: Connection, { retentionMs }: { retentionMs: number }) {
  async function owned(tenant: string, webhookId: string): Promise<StoredWebhook | undefined> {
    const text = isWebhookId(webhookId) ? await redis.get(keys.webhook(webhookId)) : null;
    const webhook = text ? (JSON.parse(text) as StoredWebhook) : undefined;
    return webhook?.tenant === tenant ? webhook : undefined;
  }

  return {
    /**
     * A page of a webhook's deliveries, newest event first; undefined if the tenant has no such webhook.
     * `cursor` is one that a page returned; any other text gives the first page.
     */
    async list(
      tenant: string,
      webhookId: string,
      filter: { status?: DeliveryStatus },
      limit: number,
      cursor?: string,
    ): Promise<DeliveryPage | undefined> {
      if (!(await owned(tenant, webhookId))) return undefined;
      const list = keys.webhookDeliveries(webhookId);
      const from = cursor === undefined ? undefined : eventIdOf(webhookId, cursor);
      const rank = from === undefined ? -1 : await redis.zrevrank(list, from);
      // What was the oldest of a page may have gone meanwhile, and all that is older with it.
      if (rank === null) return { deliveries: [] };
      const deliveries: Delivery[] = [];
      let last = cursor;
      for (let start = rank + 1; start <= rank + scanLimit; start += scanStep) {
        const ids = await redis.zrevrange(list, start, start + scanStep - 1);
        const rows = ids.length > 0 ? await redis.mget(ids.map((id) => keys.delivery(webhookId, id))) : [];
        for (const [index, id] of ids.entries()) {
          const row = parse(rows[index]);
          if (row && (filter.status === undefined || row.status === filter.status)) {
            if (deliveries.length === limit) return { deliveries, ...(last !== undefined && { nextCursor: last }) };
            deliveries.push(delivery(webhookId, id, row));
          }
          last = deliveryId(webhookId, id);
        }
        if (ids.length < scanStep) return { deliveries };
      }
      return { deliveries, ...(last !== undefined && { nextCursor: last }) };
    },

    /** One delivery of a tenant's webhook, or undefined. */
    async get(tenant: string, webhookId: string, id: string): Promise<Delivery | undefined> {
      const eventId = eventIdOf(webhookId, id);
      if (eventId === undefined || !(await owned(tenant, webhookId))) return undefined;
      const row = parse(await redis.get(keys.delivery(webhookId, eventId)));
      return row && delivery(webhookId, eventId, row);
    },

    /** Tries a delivery again at once, whether it had succeeded, failed or was waiting; the request carries the same webhook-id. */
    async replay(tenant: string, webhookId: string, id: string): Promise<DueResult> {
      const eventId = eventIdOf(webhookId, id);
      if (eventId === undefined) return { kind: "gone" };
      const queues = [keys.webhookDue(webhookId), keys.webhookLeases(webhookId), keys.webhooksDue, keys.webhooks];
      const [word, text] = await runForCaller(
        { redis, clock },
        scripts.replayOne,
        [keys.webhook(webhookId), keys.delivery(webhookId, eventId), ...queues],
        [tenant, eventId, retentionMs],
      );
      const row = parse(text?.toString());
      if (word === "due" && row) return { kind: "due", delivery: delivery(webhookId, eventId, row) };
      return { kind: word === "disabled" ? "disabled" : "gone" };
    },

    /**
     * Sends the endpoint one made-up event of a type that it subscribes to (`message.delivered`, where it may choose), signed as all are
     * and marked `"test": true`. It is tried once; the delivery's list shows what came of it.
     */
    async test(tenant: string, webhookId: string): Promise<DueResult> {
      const webhook = await owned(tenant, webhookId);
      if (!webhook) return { kind: "gone" };
      const [first = "*"] = webhook.events;
      const isChoice = first === "*" || (webhook.events as string[]).includes("message.delivered");
      const at = clock.now();
      const row: DeliveryRow = {
        type: isChoice ? "message.delivered" : first,
        at,
        status: "pending",
        attempts: 0,
        step: 0,
        next_at: at,
        test: true,
      };
      const eventId = testEventId(at);
      const made = await runScript(
        redis,
        scripts.fanOut,
        [
          keys.events,
          keys.webhooks,
          keys.webhooksDue,
          keys.delivery(webhookId, eventId),
          keys.webhookDue(webhookId),
          keys.webhookDeliveries(webhookId),
        ],
        ["", retentionMs, "[]", webhookId, eventId, at, JSON.stringify(row)],
      );
      // Two tests in one millisecond are one.
      if (Number(made) === 0 && webhook.disabled) return { kind: "disabled" };
      return { kind: "due", delivery: delivery(webhookId, eventId, row) };
    },
  };
}

export type WebhookDeliveries = ReturnType<typeof createWebhookDeliveries>;

export function parse(text: string | null | undefined): DeliveryRow | undefined {
  return text ? (JSON.parse(text) as DeliveryRow) : undefined;
}

/** The row of a delivery that was never tried, as JSON. */
export function freshRow(event: { type: EventType; at: number }, dueAt: number): string {
  const row: DeliveryRow = { type: event.type, at: event.at, status: "pending", attempts: 0, step: 0, next_at: dueAt };
  return JSON.stringify(row);
}

/** Sorts by time among the ids of real events, and cannot be one: no sequence number ends like that. */
function testEventId(at: number): string {
  return `${idOfEvent({ at, sequence: 0 }).slice(0, -10)}_test`;
}

/** One webhook gets one event once, so their ids together name the delivery. */
function deliveryId(webhookId: string, eventId: string): string {
  return `dlv_${eventId.slice("evt_".length)}_${webhookId.slice("wh_".length)}`;
}

/** The event id inside a delivery's id, or undefined if it is no id of this webhook's deliveries. */
function eventIdOf(webhookId: string, id: string): string | undefined {
  const match = /^dlv_([0-9a-z]{10}(?:_test|[0-9a-z]{10}))_([0-9a-z]{26})$/.exec(id);
  return match && isWebhookId(webhookId) && match[2] === webhookId.slice("wh_".length) ? `evt_${match[1]}` : undefined;
}

function delivery(webhookId: string, eventId: string, row: DeliveryRow): Delivery {
  const { step: _step, tries = [], test = false, ...rest } = row;
  return { id: deliveryId(webhookId, eventId), event_id: eventId, ...rest, tries, test };
}
