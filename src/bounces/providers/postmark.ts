// Postmark: its webhooks for bounces, deliveries, complaints and subscriptions ("Webhooks overview"). It writes a Message-ID of its own,
// and every webhook names that one: it is the id in its reply to our final dot.
import type { ParsedReport, ReportKind } from "../parsedReport.ts";
import { parseReport } from "../parseReport.ts";
import { type Lenient, objectIn, rowOf, stringIn } from "./lenientJson.ts";
import { addressIn, type Cause, fineFor, judgeNotice, meantMessage } from "./notice.ts";

/** The `Type` of a bounce ("Bounce API", bounce types): what kind of report it is, and what it means where no server's reply is quoted. */
const types: Readonly<Record<string, { kind: ReportKind } & Cause>> = {
  HardBounce: { kind: "bounce", status: "5.1.1" },
  SoftBounce: { kind: "bounce", lasting: false },
  // It is tried again by Postmark itself.
  Transient: { kind: "delayed" },
  DnsError: { kind: "bounce", status: "5.4.4", lasting: false },
  BadEmailAddress: { kind: "bounce", status: "5.1.3" },
  ManuallyDeactivated: { kind: "bounce", status: "5.2.1" },
  Blocked: { kind: "bounce", category: "reputation", lasting: false },
  SpamNotification: { kind: "bounce", category: "spam", lasting: false },
  VirusNotification: { kind: "bounce", category: "virus", lasting: false },
  DMARCPolicy: { kind: "bounce", category: "authentication", lasting: false },
  SMTPApiError: { kind: "bounce", category: "content", lasting: false },
  TemplateRenderingFailed: { kind: "bounce", category: "content", lasting: false },
  Unknown: { kind: "bounce", lasting: false },
  SpamComplaint: { kind: "complaint" },
  Unsubscribe: { kind: "unsubscribe" },
  AutoResponder: { kind: "auto_reply" },
  AddressChange: { kind: "auto_reply" },
  ChallengeVerification: { kind: "auto_reply" },
};

const ignored: ReadonlySet<string> = new Set(["Open", "Click"]);

/** Whether a webhook is one that says nothing of bounces, complaints, deliveries or unsubscribing. */
export function isIgnoredByPostmark(event: Lenient): boolean {
  const fields = objectIn(event);
  const type = stringIn(fields?.RecordType) ?? "";
  // A change that follows a bounce or a complaint has a webhook of its own for these; and who is let in again is not our matter.
  const isConsequence =
    type === "SubscriptionChange" &&
    (fields?.SuppressSending !== true || /^(?:HardBounce|SpamComplaint)$/.test(stringIn(fields.SuppressionReason) ?? ""));
  return ignored.has(type) || isConsequence;
}

/** Of the dump of a bounce more is of no use, and all of it may be a whole message. */
const contentCharactersMax = 256 * 1024;

/** A webhook without what need not be kept of it. */
export function trimPostmark(event: Lenient): Lenient {
  const content = stringIn(objectIn(event)?.Content);
  return content === undefined ? event : { ...objectIn(event), Content: content.slice(0, contentCharactersMax) };
}

/** Reads one webhook; undefined where it is none that reports anything. */
export function readPostmark(event: Lenient): ParsedReport | undefined {
  const fields = objectIn(event);
  const field = (name: string) => stringIn(fields?.[name]);
  const recipient = addressIn(fields?.Email ?? fields?.Recipient);
  if (recipient === undefined) return undefined;
  const relayMessageId = field("MessageID");
  const returned = field("Content");
  const original = returned === undefined ? undefined : parseReport(Buffer.from(returned)).original;
  const about = {
    original: original ?? meantMessage({ subject: field("Subject") }),
    dialect: "postmark",
    ...(relayMessageId && { relayMessageId }),
  };
  switch (field("RecordType")) {
    case "Bounce":
    case "SpamComplaint": {
      const type = rowOf(types, fields?.Type);
      if (!type) return undefined;
      const { kind, ...cause } = type;
      if (kind === "auto_reply") return { kind, reports: [], ...about };
      if (kind === "complaint") return { kind, reports: [fineFor(recipient)], feedbackType: "abuse", ...about };
      if (kind === "unsubscribe") return { kind, reports: [fineFor(recipient)], ...about };
      const action = kind === "delayed" ? "delayed" : "failed";
      return { kind, reports: [judgeNotice({ recipient, action, diagnostic: field("Details"), cause })], ...about };
    }
    case "Delivery":
      return { kind: "delivered", reports: [fineFor(recipient, field("Details"))], ...about };
    case "SubscriptionChange":
      return { kind: "unsubscribe", reports: [fineFor(recipient)], ...about };
  }
  return undefined;
}
