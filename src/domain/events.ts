// The event log's words: one event is one immutable fact about a message or a recipient, numbered in order.
import type { Category, Reply } from "./reply.ts";
import type { RecipientStatus } from "./states.ts";
import type { SuppressionReason, SuppressionSource } from "./suppression.ts";

export const eventTypes = [
  "message.accepted",
  "message.scheduled",
  "message.rescheduled",
  "message.retried",
  "message.sent",
  "message.deferred",
  "message.delivered",
  "message.bounced",
  "message.failed",
  "message.unknown",
  "message.complained",
  "message.suppressed",
  "message.cancelled",
  "message.unsubscribed",
  "suppression.added",
  "suppression.removed",
  "webhook.disabled",
] as const;

export type EventType = (typeof eventTypes)[number];

/** The suppression that an event is about. `count`: one event stands for so many that were imported at a time; it has no recipient. */
export type EventSuppression = {
  reason?: SuppressionReason;
  source?: SuppressionSource;
  list?: string;
  expires_at?: number;
  count?: number;
};

/** An event as it lies in the log. `tags` and `metadata` of its message are joined when it is read. */
export type StoredEvent = {
  sequence: number;
  type: EventType;
  at: number;
  tenant: string;
  message_id?: string;
  recipient?: string;
  status?: RecipientStatus;
  attempt?: number;
  relay?: string;
  reply?: Reply;
  category?: Category;
  rule?: string;
  hard_bounce?: boolean;
  possible_duplicate?: boolean;
  /** What a suppression forbids and why (`suppression.*`, `message.suppressed`, `message.unsubscribed`). */
  suppression?: EventSuppression;
  /** About a webhook (`webhook.disabled`). */
  webhook_id?: string;
};

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

function base32(value: number, digits: number): string {
  let rest = value;
  let out = "";
  for (let i = 0; i < digits; i++) {
    out = alphabet[rest % 32] + out;
    rest = Math.floor(rest / 32);
  }
  return out;
}

/** The event's public id: its time, then its sequence number, so that a log begun anew never repeats an id. */
export function eventId(event: Pick<StoredEvent, "at" | "sequence">): string {
  return `evt_${base32(event.at, 10)}${base32(event.sequence, 10)}`;
}

/** The sequence number inside an event id, or undefined if it is not one. */
export function sequenceOf(id: string): number | undefined {
  const match = /^evt_[0-9a-hjkmnp-tv-z]{10}([0-9a-hjkmnp-tv-z]{10})$/.exec(id);
  if (!match?.[1]) return undefined;
  let value = 0;
  for (const digit of match[1]) value = value * 32 + alphabet.indexOf(digit);
  return value;
}
