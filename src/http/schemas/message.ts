// The message resource, as `domain/messageView.ts` builds it.
import { z } from "zod";
import { categories } from "../../domain/reply.ts";
import { messageStatuses, recipientStatuses } from "../../domain/states.ts";
import { suppressionReasons } from "../../domain/suppression.ts";

/** RFC 3339 in UTC with milliseconds. */
export const wireTime = z.iso.datetime({ precision: 3 });

export const reply = z
  .object({
    code: z.int().nullable().meta({ description: "The SMTP code; null when no server said anything and `text` says what happened." }),
    enhanced: z.string().nullable().meta({ description: "RFC 3463." }),
    text: z.string(),
  })
  .meta({ id: "Reply", description: "What the relay answered last." });

export const recipient = z
  .object({
    address: z.string(),
    kind: z.enum(["to", "cc", "bcc"]),
    status: z.enum(recipientStatuses),
    attempts: z.int(),
    relay: z.string().nullable(),
    reply: reply.nullable(),
    category: z.enum(categories).nullable(),
    hard_bounce: z.boolean().nullable(),
    advice: z.string().nullable().meta({ description: "What to do about it." }),
    suppression: z
      .object({
        reason: z.enum(suppressionReasons),
        list: z.string().nullable().meta({ description: "The list that the recipient has left; null: all mail is suppressed." }),
        since: wireTime,
      })
      .nullable()
      .meta({ description: "Why it was not sent to." }),
    possible_duplicate: z.boolean().meta({ description: "A relay may have taken more than one copy." }),
    next_attempt_at: wireTime.nullable(),
    updated_at: wireTime,
  })
  .meta({ id: "Recipient" });

export const message = z
  .object({
    id: z.string(),
    status: z.enum(messageStatuses),
    created_at: wireTime,
    send_at: wireTime.nullable(),
    expires_at: wireTime,
    from: z.string(),
    subject: z.string(),
    tags: z.array(z.string()),
    metadata: z.record(z.string(), z.string()),
    lane: z.enum(["transactional", "broadcast"]),
    internet_message_id: z.string(),
    size: z.int(),
    recipients: z.array(recipient),
  })
  .meta({ id: "Message", description: "An accepted message and what became of each recipient." });
