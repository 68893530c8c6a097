// Webhooks and their deliveries, as their owner asks for and sees them.
import { z } from "zod";
import { type EventType, eventTypes } from "../../domain/events.ts";
import { wireTime as timeOf, wireTimeOrNull } from "../../domain/messageView.ts";
import { type Delivery, deliveryStatuses } from "../../store/webhookDeliveries.ts";
import type { Subscription, Webhook } from "../../store/webhooks.ts";
import { wireTime } from "./message.ts";

/** What it subscribes to: `["*"]`, or types. A star among types is all of them. */
const events = z
  .array(z.enum(["*", ...eventTypes]))
  .min(1)
  .max(100)
  .transform((chosen): Subscription => (chosen.includes("*") ? ["*"] : ([...new Set(chosen)] as EventType[])))
  .meta({ description: 'Event types, or `["*"]` for all.' });

const description = z.string().max(500);
const url = z.string().meta({ description: "Where events are posted to, by https or http." });

export const newWebhook = z
  .strictObject({ url, events, description: description.default("") })
  .meta({ id: "WebhookRequest", examples: [{ url: "https://example.com/hooks", events: ["message.bounced", "message.complained"] }] });

export const webhookChange = z
  .strictObject({ url: url.optional(), events: events.optional(), description: description.optional() })
  .meta({ id: "WebhookChange", examples: [{ events: ["*"] }] });

const fields = {
  id: z.string(),
  url: z.string(),
  events: z.array(z.enum(["*", ...eventTypes])),
  description: z.string(),
  status: z
    .enum(["active", "failing", "disabled"])
    .meta({ description: "`failing`: its last try did not succeed. `disabled`: nothing is sent until it is enabled." }),
  created_at: wireTime,
  failing_since: wireTime.nullable(),
  disabled_at: wireTime.nullable(),
  disabled_reason: z
    .enum(["gone", "failing"])
    .nullable()
    .meta({ description: "`gone`: it answered 410. `failing`: no try succeeded for five days." }),
};

export const webhook = z.object(fields).meta({ id: "Webhook" });

export const webhookWithSecret = z
  .object({ ...fields, secret: z.string().meta({ description: "Signs the requests (Standard Webhooks). Shown only now." }) })
  .meta({ id: "WebhookWithSecret" });

/** A stored webhook for the outside. */
export function webhookView({ id, url: target, events: chosen, description: text, created_at, failing_since, disabled }: Webhook) {
  const status = disabled ? "disabled" : failing_since === undefined ? "active" : "failing";
  return {
    ...{ id, url: target, events: chosen, description: text, status },
    created_at: timeOf(created_at),
    failing_since: wireTimeOrNull(failing_since),
    disabled_at: wireTimeOrNull(disabled?.at),
    disabled_reason: disabled?.reason ?? null,
  } satisfies z.output<typeof webhook>;
}

export const delivery = z
  .object({
    id: z.string(),
    event_id: z.string(),
    type: z.enum(eventTypes),
    event_at: wireTime,
    status: z.enum(deliveryStatuses).meta({ description: "`pending`: it waits for its next try, or is being tried." }),
    attempts: z.int(),
    next_attempt_at: wireTime.nullable(),
    test: z.boolean().meta({ description: "Made up by `/test`; in no event log." }),
    tries: z
      .array(
        z.object({
          at: wireTime,
          status: z.int().nullable().meta({ description: "The HTTP status of the answer; null when there was none." }),
          error: z.string().nullable(),
          duration_ms: z.number(),
          response_snippet: z.string().nullable().meta({ description: "The beginning of the newest answer." }),
        }),
      )
      .meta({ description: "The last ones, oldest first." }),
  })
  .meta({ id: "WebhookDelivery", description: "One event on its way to one webhook." });

/** A stored delivery for the outside. */
export function deliveryView({ id, event_id, type, at, status, attempts, next_at, test, tries }: Delivery): z.output<typeof delivery> {
  return {
    ...{ id, event_id, type, status, attempts, test },
    event_at: timeOf(at),
    next_attempt_at: status === "pending" ? wireTimeOrNull(next_at) : null,
    tries: tries.map((it) => ({
      at: timeOf(it.at),
      status: it.status ?? null,
      error: it.error ?? null,
      duration_ms: it.duration_ms,
      response_snippet: it.response_snippet ?? null,
    })),
  };
}
