// Webhooks: what a tenant sets up and changes. Their deliveries are in webhookDeliveries.ts.
import { randomBytes } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import type { EventType } from "../domain/events.ts";
import { idOf } from "../domain/ids.ts";
import type { Connection } from "./connection.ts";
import { cursorOf, placeOf, readNewestFirst } from "./newestFirst.ts";
import { loadScript, runForCaller } from "./scripts.ts";

/** All events, or those of some types. */
export type Subscription = ["*"] | EventType[];

/** A webhook as its owner may see it. Times in milliseconds since the epoch. */
export type Webhook = {
  id: string;
  tenant: string;
  url: string;
  events: Subscription;
  description: string;
  created_at: number;
  /** When its first try failed after the last that succeeded. */
  failing_since?: number;
  /** `gone`: the endpoint answered 410; `failing`: no try succeeded for too long. */
  disabled?: { at: number; reason: "gone" | "failing" };
};

/** A webhook as it is stored. */
export type StoredWebhook = Webhook & {
  /** It gets the events after this sequence number. */
  from_sequence: number;
  secret: string;
  /** Rotated secrets that still sign, the newest first. */
  previous?: { secret: string; until: number }[];
};

export type WebhookInput = { url: string; events: Subscription; description: string };

export type WebhookSettings = {
  /** How many a tenant may have; default 100. */
  perTenant?: number;
  /** How long a rotated secret still signs; default 24 h. */
  secretOverlapMs?: number;
};

/** Old secrets that still sign: rotating in a panic must not break a receiver that has not caught up, nor grow a header without end. */
const previousSecretsMax = 4;
const removeStep = 500;

const scripts = {
  create: loadScript("webhook-create"),
  update: loadScript("webhook-update"),
  rotate: loadScript("webhook-rotate"),
  enable: loadScript("webhook-enable"),
  remove: loadScript("webhook-delete"),
};

export function createWebhooks({ redis, keys, clock }: Connection, settings: WebhookSettings = {}) {
  const { perTenant = 100, secretOverlapMs = 24 * 3_600_000 } = settings;

  async function find(tenant: string, id: string): Promise<Webhook | undefined> {
    if (!isWebhookId(id)) return undefined;
    const text = await redis.get(keys.webhook(id));
    const webhook = text ? visible(text) : undefined;
    return webhook?.tenant === tenant ? webhook : undefined;
  }

  return {
    /** Stores a webhook that gets every event from now on. The secret is told here and after a rotation, nowhere else. */
    async create(
      tenant: string,
      input: WebhookInput,
    ): Promise<{ kind: "created"; webhook: Webhook; secret: string } | { kind: "too_many" }> {
      const id = idOf("wh", uuidv7(undefined, new Uint8Array(16)));
      const secret = newSecret();
      const { url, events, description } = input;
      const [word, stored] = await runForCaller(
        { redis, clock },
        scripts.create,
        [keys.webhook(id), keys.tenantWebhooks(tenant), keys.webhooks, keys.webhooksVersion, keys.sequence],
        [JSON.stringify({ id, tenant, url, events, description, secret }), perTenant],
      );
      return word === "created" && stored ? { kind: "created", webhook: visible(stored.toString()), secret } : { kind: "too_many" };
    },

    /** A tenant's webhook, or undefined if it has none of that id. */
    get: find,

    /** A tenant's webhooks, newest first. `cursor` is one that a page returned. */
    async list(tenant: string, limit: number, cursor?: string): Promise<{ webhooks: Webhook[]; nextCursor?: string }> {
      const places = await readNewestFirst(redis, keys.tenantWebhooks(tenant), limit + 1, placeOf(cursor));
      const shown = places.slice(0, limit);
      const found = shown.length > 0 ? await redis.mget(shown.map(({ id }) => keys.webhook(id))) : [];
      const last = shown.at(-1);
      return {
        webhooks: found.flatMap((text) => (text ? [visible(text)] : [])),
        ...(last && places.length > limit && { nextCursor: cursorOf(last) }),
      };
    },

    /** Changes the fields that are given; deliveries that are already due go to the new URL. Undefined if there is no such webhook. */
    async update(tenant: string, id: string, changes: Partial<WebhookInput>): Promise<Webhook | undefined> {
      if (!isWebhookId(id)) return undefined;
      const [, stored] = await runForCaller(
        { redis, clock },
        scripts.update,
        [keys.webhook(id), keys.webhooksVersion],
        [tenant, JSON.stringify(changes)],
      );
      return stored && visible(stored.toString());
    },

    /** Gives it a new secret; the old one signs too until the overlap is over. Undefined if there is no such webhook. */
    async rotateSecret(tenant: string, id: string): Promise<{ webhook: Webhook; secret: string } | undefined> {
      if (!isWebhookId(id)) return undefined;
      const secret = newSecret();
      const [, stored] = await runForCaller(
        { redis, clock },
        scripts.rotate,
        [keys.webhook(id)],
        [tenant, secret, secretOverlapMs, previousSecretsMax],
      );
      return stored && { webhook: visible(stored.toString()), secret };
    },

    /**
     * Lets a disabled webhook take part again: what was waiting when it was disabled is due at once. What happened in between was not
     * made due to it; a replay since then fetches that. Undefined if there is no such webhook.
     */
    async enable(tenant: string, id: string): Promise<Webhook | undefined> {
      if (!isWebhookId(id)) return undefined;
      const touched = [keys.webhook(id), keys.webhooks, keys.webhooksVersion, keys.webhooksDue];
      const [, stored] = await runForCaller({ redis, clock }, scripts.enable, touched, [tenant]);
      return stored && visible(stored.toString());
    },

    /** Ends a webhook at once, then removes its deliveries. False if there is no such webhook. */
    async remove(tenant: string, id: string): Promise<boolean> {
      if (!isWebhookId(id)) return false;
      const touched = [keys.webhook(id), keys.tenantWebhooks(tenant), keys.webhooks, keys.webhooksVersion, keys.webhooksDue];
      const replay = [keys.webhooksReplaying, keys.webhookReplay(id)];
      const [word] = await runForCaller({ redis, clock }, scripts.remove, [...touched, ...replay, keys.webhookDue(id)], [tenant]);
      if (word !== "deleted") return false;
      // Slice by slice, so that nobody waits for it; should it be cut off, the rest runs out by itself.
      for (;;) {
        const popped = await redis.zpopmin(keys.webhookDeliveries(id), removeStep);
        const eventIds = popped.filter((_, index) => index % 2 === 0);
        if (eventIds.length === 0) return true;
        await redis.unlink(...eventIds.map((eventId) => keys.delivery(id, String(eventId))));
      }
    },
  };
}

export type Webhooks = ReturnType<typeof createWebhooks>;

/** Whether a text has the form of a webhook's id. */
export function isWebhookId(text: string): boolean {
  return /^wh_[0-9a-hjkmnp-tv-z]{26}$/.test(text);
}

/** 192 random bits (Standard Webhooks, "Signature scheme": 24 to 64 bytes). */
function newSecret(): string {
  return `whsec_${randomBytes(24).toString("base64")}`;
}

function visible(storedJson: string): Webhook {
  const { secret: _secret, previous: _previous, from_sequence: _from, ...webhook } = JSON.parse(storedJson) as StoredWebhook;
  return webhook;
}
