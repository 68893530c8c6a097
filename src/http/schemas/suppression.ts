// Suppressions, as callers ask for and see them.
import { z } from "zod";
import { listName, time } from "../../accept/request.ts";
import { checkAddress } from "../../domain/address.ts";
import { eventId } from "../../domain/events.ts";
import { wireTime as timeOf, wireTimeOrNull } from "../../domain/messageView.ts";
import { categories } from "../../domain/reply.ts";
import { type Suppression, suppressionKey, suppressionReasons, suppressionSources } from "../../domain/suppression.ts";
import { wireTime } from "./message.ts";

/** An address in the form in which it is suppressed. */
export const suppressedAddress = z
  .string()
  .transform((text, context): string => {
    const checked = checkAddress(text);
    if (!("fault" in checked)) return suppressionKey(checked.address);
    context.addIssue({ code: "custom", message: checked.fault, params: { code: "invalid_address" } });
    return z.NEVER;
  })
  .meta({ description: "An address like `ada@example.net`; case does not matter." });

export const suppressionReason = z.enum(suppressionReasons);

/** Of all mail, or with `list` of that list's. */
const list = listName.optional().meta({ description: "The suppression of this mailing list's mail alone; without it, that of all mail." });

export const suppressionParams = z.object({ address: suppressedAddress });
export const suppressionQuery = z.strictObject({ list });

export const newSuppression = z
  .strictObject({
    address: suppressedAddress,
    list,
    reason: suppressionReason.default("manual"),
    expires_at: time.optional().meta({ description: "When it ends; without it, never." }),
  })
  .meta({ id: "SuppressionRequest", examples: [{ address: "ada@example.net" }] });

export const suppression = z
  .object({
    address: z.string(),
    list: z.string().nullable().meta({ description: "Of this mailing list's mail only; null: of all mail." }),
    reason: suppressionReason,
    source: z
      .enum(suppressionSources)
      .meta({ description: "What made it: a relay's refusal, a report that came back, a caller, a file, an unsubscribe link." }),
    category: z.enum(categories).nullable().meta({ description: "Why mail bounced." }),
    created_at: wireTime,
    expires_at: wireTime.nullable(),
    message_id: z.string().nullable().meta({ description: "The message that led to it." }),
    event_id: z.string().nullable().meta({ description: "The event that led to it." }),
  })
  .meta({ id: "Suppression", description: "An address that is not sent to." });

/** A stored suppression for the outside. */
export function suppressionView(stored: Suppression): z.output<typeof suppression> {
  return {
    address: stored.address,
    list: stored.list ?? null,
    reason: stored.reason,
    source: stored.source,
    category: stored.category ?? null,
    created_at: timeOf(stored.created_at),
    expires_at: wireTimeOrNull(stored.expires_at),
    message_id: stored.message_id ?? null,
    event_id: stored.event ? eventId(stored.event) : null,
  };
}
