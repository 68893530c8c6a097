// The event, as `domain/eventView.ts` builds it.
import { z } from "zod";
import { eventTypes } from "../../domain/events.ts";
import { categories } from "../../domain/reply.ts";
import { recipientStatuses } from "../../domain/states.ts";
import { suppressionReasons, suppressionSources } from "../../domain/suppression.ts";
import { reply, wireTime } from "./message.ts";

const data = z.object({
  id: z.string(),
  sequence: z.int().meta({ description: "Rises with every event of the installation." }),
  message_id: z.string().nullable(),
  recipient: z.string().nullable(),
  status: z.enum(recipientStatuses).nullable(),
  attempt: z.int().nullable(),
  relay: z.string().nullable(),
  reply: reply.nullable(),
  category: z.enum(categories).nullable(),
  hard_bounce: z.boolean().nullable(),
  advice: z.string().nullable().meta({ description: "What to do about it." }),
  possible_duplicate: z.boolean(),
  tags: z.array(z.string()).nullable().meta({ description: "The message's; null when that is no longer kept." }),
  metadata: z.record(z.string(), z.string()).nullable(),
  suppression: z
    .object({
      reason: z.enum(suppressionReasons).nullable(),
      source: z.enum(suppressionSources).nullable(),
      list: z.string().nullable().meta({ description: "Null: of all mail." }),
      expires_at: wireTime.nullable().meta({ description: "Null: for good." }),
      imported: z.int().nullable().meta({ description: "One event, without a recipient, stands for so many that an import brought." }),
    })
    .optional()
    .meta({ description: "Only in events about a suppression." }),
  webhook_id: z.string().optional().meta({ description: "Only in events about a webhook." }),
});

export const event = z.object({ id: z.string(), type: z.enum(eventTypes), timestamp: wireTime, data }).meta({
  id: "Event",
  description: "One fact about a message or a recipient. Fields of `data` that do not apply, or are not known, are null.",
  examples: [
    {
      id: "evt_01kaq3v5zg0000000042",
      type: "message.sent",
      timestamp: "2026-01-31T09:00:00.000Z",
      data: {
        id: "evt_01kaq3v5zg0000000042",
        sequence: 130,
        message_id: "msg_01kaq3v5ze7x8m4t2b9c0d1e2f",
        recipient: "ada@example.net",
        status: "sent",
        attempt: 1,
        relay: "default",
        reply: { code: 250, enhanced: "2.0.0", text: "Ok: queued as 4F1B2" },
        category: null,
        hard_bounce: null,
        advice: null,
        possible_duplicate: false,
        tags: ["order"],
        metadata: { order: "1042" },
      },
    },
  ],
});

/** Event types in a query: repeated, or separated by commas. */
export const typesInQuery = z
  .preprocess(
    (value) => (value === undefined ? undefined : [value].flat().flatMap((text) => String(text).split(","))),
    z.array(z.enum(eventTypes)).max(100).optional(),
  )
  .meta({ description: "Only events of these types; several by commas or by repeating the parameter." });
