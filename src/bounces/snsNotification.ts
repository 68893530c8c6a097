// Reads Amazon SES's notifications where SNS mails them: JSON in a text part, bare or wrapped once more.
import { tidyAddress } from "./addresses.ts";
import type { Action, OriginalMessage } from "./parsedReport.ts";

export type SnsRecipient = { recipient: string; action: Action; status?: string; diagnostic?: string };
export type SnsNotification = {
  kind: "bounce" | "complaint" | "delivered";
  recipients: SnsRecipient[];
  feedbackType?: string;
  original: OriginalMessage;
};

const jsonCharactersMax = 65_536;
const recipientsMax = 100;

type Json = { [key: string]: unknown };

function objectIn(value: unknown): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

function stringIn(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function listIn(value: unknown): unknown[] {
  return Array.isArray(value) ? value.slice(0, recipientsMax) : [];
}

/** The first JSON object in a text: lines that were folded in the mail are joined, what follows the object is left. */
function parseObject(text: string): Json | undefined {
  const from = text.indexOf("{");
  if (from === -1 || text.slice(0, from).trim() !== "") return undefined;
  const bounded = text.slice(from, from + jsonCharactersMax);
  const end = Math.max(bounded.lastIndexOf("}\n\n--"), bounded.lastIndexOf("}\n--"));
  const json = end === -1 ? bounded.slice(0, bounded.lastIndexOf("}") + 1) : bounded.slice(0, end + 1);
  for (const attempt of [json, json.replace(/\n /g, ""), json.replace(/\n/g, "")]) {
    try {
      return objectIn(JSON.parse(attempt));
    } catch {
      // The next reading of the folded lines.
    }
  }
  return undefined;
}

function recipientsIn(list: unknown, action: Action): SnsRecipient[] {
  return listIn(list).flatMap((entry) => {
    const fields = objectIn(entry);
    const recipient = tidyAddress(stringIn(entry) ?? stringIn(fields?.emailAddress) ?? "");
    if (recipient === undefined) return [];
    const status = /^[245]\.\d{1,3}\.\d{1,3}$/.exec(stringIn(fields?.status) ?? "")?.[0];
    const diagnostic = stringIn(fields?.diagnosticCode)?.slice(0, 2_000);
    return [{ recipient, action, ...(status && { status }), ...(diagnostic && { diagnostic }) }];
  });
}

/** The message that SES tells of, its headers as SES lists them. */
function originalIn(mail: Json | undefined): OriginalMessage {
  const headers = listIn(mail?.headers).flatMap((entry) => {
    const header = objectIn(entry);
    const name = stringIn(header?.name);
    return name === undefined ? [] : [{ name: name.toLowerCase(), value: stringIn(header?.value) ?? "" }];
  });
  const common = objectIn(mail?.commonHeaders);
  const messageId = stringIn(common?.messageId) ?? headers.find(({ name }) => name === "message-id")?.value ?? stringIn(mail?.messageId);
  const from = stringIn(mail?.source);
  const subject = stringIn(common?.subject);
  return {
    ...(messageId && { messageId: messageId.replace(/^<|>$/g, "") }),
    ...(from && { from }),
    to: listIn(mail?.destination).flatMap((address) => stringIn(address) ?? []),
    ...(subject && { subject }),
    headers,
  };
}

/** @returns undefined where the text is no such notification */
export function readSnsNotification(text: string): SnsNotification | undefined {
  if (!text.includes("otificationType") && !text.includes("eventType")) return undefined;
  const outer = parseObject(text);
  const wrapped = stringIn(outer?.Message);
  const notification = wrapped === undefined ? outer : parseObject(wrapped);
  const type = stringIn(notification?.notificationType) ?? stringIn(notification?.eventType);
  const original = originalIn(objectIn(notification?.mail));
  if (type === "Bounce") {
    const bounce = objectIn(notification?.bounce);
    return { kind: "bounce", recipients: recipientsIn(bounce?.bouncedRecipients, "failed"), original };
  }
  if (type === "Complaint") {
    const complaint = objectIn(notification?.complaint);
    const feedbackType = stringIn(complaint?.complaintFeedbackType) ?? "abuse";
    return { kind: "complaint", recipients: recipientsIn(complaint?.complainedRecipients, "delivered"), feedbackType, original };
  }
  if (type === "Delivery") {
    const delivery = objectIn(notification?.delivery);
    const diagnostic = stringIn(delivery?.smtpResponse);
    const recipients = recipientsIn(delivery?.recipients, "delivered");
    return { kind: "delivered", recipients: recipients.map((one) => ({ ...one, ...(diagnostic && { diagnostic }) })), original };
  }
  return undefined;
}
