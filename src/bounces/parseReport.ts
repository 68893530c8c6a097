// From the bytes of a mail to what it reports. Pure; never throws; bounded in time whatever the bytes are.
import { isAutoReply } from "./autoReply.ts";
import { decodeHeader } from "./decode.ts";
import { readDeliveryStatus } from "./deliveryStatus.ts";
import { senderOfReports } from "./dialects/unnamed.ts";
import { type Feedback, readFeedback, readPlainComplaint, readUnsubscribeRequest } from "./feedbackReport.ts";
import { headerOf, readMail } from "./mime.ts";
import { readOriginal } from "./originalMessage.ts";
import type { OriginalMessage, ParsedReport, RecipientReport } from "./parsedReport.ts";
import { reportOnRecipient, reportsFromStatus, saysDelay } from "./recipientReports.ts";
import { partsOf, type ReportParts } from "./reportParts.ts";
import { readSnsNotification } from "./snsNotification.ts";
import { type Envelope, readTextReport } from "./textReport.ts";

const fieldsInText = /^[ \t>]{0,8}(?:Final-Recipient|Original-Recipient)[ \t]{0,4}:/im;

const nestedReport = /report-type="?delivery-status/i;
const nestedDepthMax = 2;

/** A refusal outweighs a delay. Time that ran out is the end of a delay: nobody refused anything, and `action` says whether it is over. */
function kindOf(reports: readonly RecipientReport[]): ParsedReport["kind"] {
  if (reports.some(({ action, category }) => action === "failed" && category !== "expired")) return "bounce";
  if (reports.some(({ action }) => action === "failed" || action === "delayed")) return "delayed";
  return reports.length > 0 ? "delivered" : "none";
}

function complaint({ feedbackType, recipients, ...rest }: Feedback, dialect: string, original: OriginalMessage | undefined): ParsedReport {
  const reply = { code: 0, text: "" };
  return {
    kind: "complaint",
    reports: recipients.map((recipient) => ({ recipient, action: "delivered", hardBounce: false, reply })),
    feedbackType,
    dialect,
    ...(original && { original }),
    ...rest,
  };
}

/** A delivery status, be it in a part of its own or in the text; undefined where none names a recipient. */
function fromDeliveryStatus({ deliveryStatus, text }: ReportParts, envelope: Envelope): ParsedReport | undefined {
  const fields = deliveryStatus ?? (fieldsInText.test(text) ? text.replace(/^[ \t]{0,4}>[ \t]?/gm, "") : undefined);
  if (fields === undefined) return undefined;
  const { recipients, ...message } = readDeliveryStatus(fields);
  if (recipients.length === 0) return undefined;
  const reports = reportsFromStatus(recipients, text, envelope.subject);
  return { kind: kindOf(reports), reports, dialect: "rfc3464", ...message };
}

/** A report that a system, or a person, passed on within a mail of their own: it stands where the original would. */
function fromNested({ original }: ReportParts, envelope: Envelope, depth: number): ParsedReport | undefined {
  if (original === undefined || depth >= nestedDepthMax || !fieldsInText.test(original)) return undefined;
  if (!senderOfReports.test(envelope.from) && !nestedReport.test(original)) return undefined;
  const nested = parseMail(Buffer.from(original, "latin1"), depth + 1);
  return nested.reports.length > 0 ? nested : undefined;
}

/** A report for people alone: by its dialect, else by a header that names the recipient, else by the original's only one. */
function fromText({ text }: ReportParts, envelope: Envelope, original: OriginalMessage | undefined): ParsedReport | undefined {
  const read = readTextReport(envelope, text, original);
  if (!read) return undefined;
  const action = saysDelay(envelope.subject, text) ? "delayed" : "failed";
  const reports = read.accounts.map((account) => reportOnRecipient({ ...account, action }));
  return { kind: kindOf(reports), reports, dialect: read.dialect };
}

function parseMail(raw: Buffer, depth: number): ParsedReport {
  const mail = readMail(raw);
  const header = (name: string) => headerOf(mail, name);
  const envelope: Envelope = {
    from: decodeHeader(header("from") ?? ""),
    subject: decodeHeader(header("subject") ?? ""),
    isReport: mail.type === "multipart/report" && /delivery-status/i.test(mail.parameters["report-type"] ?? ""),
    header,
  };
  const parts = partsOf(mail);
  const original = parts.original === undefined ? undefined : readOriginal(parts.original);
  if (parts.feedback !== undefined) return complaint(readFeedback(parts.feedback, original), "rfc5965", original);
  const notification = readSnsNotification(parts.text);
  if (notification) return notification;
  const status = fromDeliveryStatus(parts, envelope);
  if (status) return { ...status, ...(original && { original }) };
  const unsubscribe = readUnsubscribeRequest(envelope);
  if (unsubscribe) return complaint(unsubscribe, "unsubscribe-request", original);
  const plain = readPlainComplaint(envelope, original);
  if (plain) return complaint(plain, "plain-complaint", original);
  const told = fromText(parts, envelope, original);
  const nested = told === undefined || told.dialect === "unnamed" ? fromNested(parts, envelope, depth) : undefined;
  if (nested) return nested;
  if (told) return { ...told, ...(original && { original }) };
  return { kind: isAutoReply(envelope) ? "auto_reply" : "none", reports: [], ...(original && { original }) };
}

/**
 * Parses a report.
 * @param raw a whole mail (RFC 5322), possibly cut off or broken; of one larger than 1 MiB the beginning counts
 * @returns `kind: "none"` for a mail that is no report
 */
export function parseReport(raw: Buffer): ParsedReport {
  return parseMail(raw, 0);
}
