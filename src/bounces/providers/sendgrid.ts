// Twilio SendGrid: one event of its Event Webhook ("Event Webhook Reference"). Only delivery events name our Message-ID (`smtp-id`);
// all have SendGrid's own, which begins as its reply to our final dot did.
import type { ParsedReport } from "../parsedReport.ts";
import { type Lenient, objectIn, rowOf, stringIn } from "./lenientJson.ts";
import { addressIn, type Cause, fineFor, judgeNotice, meantMessage } from "./notice.ts";

/** `bounce_classification`, and `reason` of what was dropped, in lower case. */
const causes: Readonly<Record<string, Cause>> = {
  "invalid address": { status: "5.1.1" },
  "mailbox unavailable": { status: "5.2.1" },
  technical: { status: "5.4.0" },
  content: { status: "5.6.0" },
  reputation: { category: "reputation" },
  "frequency or volume too high": { category: "rate_limited" },
  "frequency/volume": { category: "rate_limited" },
  invalid: { status: "5.1.3" },
  "bounced address": { status: "5.2.1" },
  "spam reporting address": { status: "5.2.1" },
  "unsubscribed address": { status: "5.2.1" },
  "recipient list over package quota": { category: "rate_limited" },
  "spam content (if spam checker app enabled)": { category: "spam" },
  "spam content": { category: "spam" },
  "invalid smtpapi header": { category: "content" },
};

const ignored: ReadonlySet<string> = new Set(["processed", "open", "click", "group_resubscribe", "account_status_change"]);

/** Whether an event is one that says nothing of bounces, complaints, deliveries or unsubscribing. */
export function isIgnoredBySendgrid(event: Lenient): boolean {
  return ignored.has(stringIn(objectIn(event)?.event) ?? "");
}

/** `14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0`: what stands behind is of the recipient, and of the machine that sent it. */
const behindId = /\.?(?:filter|recvd)[\w-]{0,40}\..*$/s;

/** Reads one event; undefined where it is none that reports anything. */
export function readSendgrid(event: Lenient): ParsedReport | undefined {
  const fields = objectIn(event);
  const field = (name: string) => stringIn(fields?.[name]);
  const recipient = addressIn(fields?.email);
  if (recipient === undefined) return undefined;
  const relayMessageId = field("sg_message_id")?.slice(0, 200).replace(behindId, "");
  const about = {
    original: meantMessage({ messageId: field("smtp-id") }),
    dialect: "sendgrid",
    ...(relayMessageId && { relayMessageId }),
  };
  const reason = field("reason") ?? field("response");
  const cause = rowOf(causes, field("bounce_classification")?.toLowerCase());
  switch (field("event")) {
    case "bounce": {
      // `blocked`, `expired`: the address itself may be good.
      const passing: Cause = field("type") === undefined || field("type") === "bounce" ? {} : { lasting: false };
      const judged = judgeNotice({
        recipient,
        action: "failed",
        diagnostic: reason,
        status: field("status"),
        cause: { ...cause, ...passing },
      });
      return { kind: "bounce", reports: [judged], ...about };
    }
    case "dropped":
      return {
        kind: "bounce",
        reports: [judgeNotice({ recipient, action: "failed", diagnostic: reason, cause: rowOf(causes, reason?.toLowerCase()) })],
        ...about,
      };
    case "deferred":
      return {
        kind: "delayed",
        reports: [judgeNotice({ recipient, action: "delayed", diagnostic: reason, status: field("status"), cause })],
        ...about,
      };
    case "delivered":
      return { kind: "delivered", reports: [fineFor(recipient, field("response"))], ...about };
    case "spamreport":
      return { kind: "complaint", reports: [fineFor(recipient)], feedbackType: "abuse", ...about };
    case "unsubscribe":
    case "group_unsubscribe":
      return { kind: "unsubscribe", reports: [fineFor(recipient)], ...about };
  }
  return undefined;
}
