// Reports that came in, as their owner sees them.
import { z } from "zod";
import { adviceOn } from "../../domain/classify.ts";
import { replyView, wireTime as timeOf } from "../../domain/messageView.ts";
import { categories } from "../../domain/reply.ts";
import { reportEffects, reportFaults, reportSources, reportStatuses, type StoredReport } from "../../domain/report.ts";
import { reply, wireTime } from "./message.ts";

export const reportKind = z.enum(["bounce", "complaint", "unsubscribe", "auto_reply", "delayed", "delivered", "none"]).meta({
  description:
    "`bounce`: somebody was refused for good. `delayed`: time is the trouble; `action` says whether it is still tried (`delayed`) or was given up (`failed`).",
});

export const reportAction = z.enum(["failed", "delayed", "delivered", "relayed", "expanded", "deliverable"]).meta({
  description: "RFC 3464, section 2.3.3. Only `failed` and `delivered` end anything.",
});

export const reportFields = {
  id: z.string(),
  status: z.enum(reportStatuses).meta({
    description:
      "`pending`: not read yet. `processed`: about a message of yours. `unmatched`: read, but about none. `unparsed`: nothing could be read out of it; it is kept for you to look at.",
  }),
  source: z.enum(reportSources).meta({ description: "`smtp`: a mail; `http`: handed in; else the provider that posted it." }),
  received_at: wireTime,
  size: z.int(),
  message_id: z.string().nullable(),
  kind: reportKind.nullable(),
  dialect: z.string().nullable().meta({ description: "What it is written in: `rfc3464`, `rfc5965`, or a server's own way." }),
  feedback_type: z.string().nullable().meta({ description: "Of a complaint (RFC 5965)." }),
  reporting_mta: z.string().nullable(),
  fault: z.enum(reportFaults).nullable().meta({ description: "Why it is `unparsed`." }),
  recipients: z.array(
    z.object({
      address: z.string(),
      action: z.string(),
      effect: z.enum(reportEffects).meta({
        description:
          "What it did: the new state, `unchanged`, or why nothing: `not_accepted` (no relay had taken the mail), `not_a_recipient`, `message_gone`.",
      }),
      suppressed: z.boolean().meta({ description: "The address was suppressed by it." }),
      category: z.enum(categories).nullable(),
      hard_bounce: z.boolean(),
      advice: z.string().nullable(),
      reply: reply.nullable(),
    }),
  ),
};

export const report = z
  .object(reportFields)
  .meta({ id: "Report", description: "A mail that came back: a bounce, a complaint, an auto-reply." });

/** A stored report for the outside. */
export function reportView(stored: StoredReport): z.output<typeof report> {
  const { id, status, source, received_at, size, message_id, kind, dialect, feedback_type, reporting_mta, fault, recipients } = stored;
  return {
    ...{ id, status, source, received_at: timeOf(received_at), size },
    message_id: message_id ?? null,
    kind: (kind as z.output<typeof reportKind> | undefined) ?? null,
    dialect: dialect ?? null,
    feedback_type: feedback_type ?? null,
    reporting_mta: reporting_mta ?? null,
    fault: fault ?? null,
    recipients: recipients.map((it) => ({
      ...{ address: it.address, action: it.action, effect: it.effect, suppressed: it.suppressed },
      category: it.category ?? null,
      hard_bounce: it.hard_bounce,
      advice: adviceOn(it),
      reply: replyView(it.reply),
    })),
  };
}
