// The one JSON shape of an event: in GET /v1/events, in the event stream and in webhooks.
import { adviceOn } from "./classify.ts";
import { type EventSuppression, eventId, type StoredEvent } from "./events.ts";
import type { MessageRecord } from "./message.ts";
import { replyView, wireTime, wireTimeOrNull } from "./messageView.ts";
import { suppressionAdvice } from "./suppression.ts";

/** What an event takes from its message, while that is kept. */
type Described = Pick<MessageRecord, "tags" | "metadata">;

/** What an event says of a suppression; only events about one have it, and each field of it is always there. */
function suppressionOf({ reason, source, list, expires_at, imported }: EventSuppression) {
  return {
    reason: reason ?? null,
    source: source ?? null,
    list: list ?? null,
    expires_at: wireTimeOrNull(expires_at),
    imported: imported ?? null,
  };
}

function adviceFor(event: StoredEvent): string | null {
  if (event.type === "message.suppressed" && event.suppression?.reason) {
    return suppressionAdvice({ ...event.suppression, reason: event.suppression.reason });
  }
  return adviceOn(event);
}

/**
 * An event as the outside sees it. Every field is always there, null where nothing is known or it does not apply; only `webhook_id` and
 * `suppression` stand in events about such a thing alone. The tenant is left out: nobody sees another's events.
 */
export function eventView(event: StoredEvent, record?: Described) {
  const id = eventId(event);
  return {
    id,
    type: event.type,
    timestamp: wireTime(event.at),
    data: {
      id,
      sequence: event.sequence,
      message_id: event.message_id ?? null,
      recipient: event.recipient ?? null,
      status: event.status ?? null,
      attempt: event.attempt ?? null,
      relay: event.relay ?? null,
      reply: replyView(event.reply),
      category: event.category ?? null,
      hard_bounce: event.hard_bounce ?? null,
      advice: adviceFor(event),
      possible_duplicate: event.possible_duplicate ?? false,
      tags: record?.tags ?? null,
      metadata: record?.metadata ?? null,
      ...(event.suppression && { suppression: suppressionOf(event.suppression) }),
      ...(event.webhook_id !== undefined && { webhook_id: event.webhook_id }),
    },
  };
}

export type EventView = ReturnType<typeof eventView>;

/** The body of a webhook's request (Standard Webhooks, "Payload structure"): the event's id travels in a header, and in `data`. */
export function eventBody(event: StoredEvent, record?: Described): Omit<EventView, "id"> {
  const { type, timestamp, data } = eventView(event, record);
  return { type, timestamp, data };
}
