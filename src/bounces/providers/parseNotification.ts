// From the bytes of a notification that was stored to what it reports. Pure; never throws.
import type { NotificationProvider } from "../../domain/notification.ts";
import type { ParsedReport } from "../parsedReport.ts";
import { type Lenient, parseLenient } from "./lenientJson.ts";
import { readMailgun } from "./mailgun.ts";
import { readPostmark } from "./postmark.ts";
import { readSendgrid } from "./sendgrid.ts";
import { readSes } from "./ses.ts";

const readers: Readonly<Record<NotificationProvider, (event: Lenient) => ParsedReport | undefined>> = {
  ses: readSes,
  sendgrid: readSendgrid,
  postmark: readPostmark,
  mailgun: readMailgun,
};

/**
 * Parses one event of a provider.
 * @param raw JSON, possibly cut off
 * @returns `kind: "none"` for what says nothing that we understand
 */
export function parseNotification(provider: NotificationProvider, raw: Buffer): ParsedReport {
  return readers[provider](parseLenient(raw.toString())) ?? { kind: "none", reports: [], dialect: provider };
}
