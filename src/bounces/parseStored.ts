// What a report that was stored says, whichever way it came.
import type { NotificationProvider } from "../domain/notification.ts";
import type { ParsedReport } from "./parsedReport.ts";
import { parseReport } from "./parseReport.ts";
import { parseNotification } from "./providers/parseNotification.ts";

/** Parses a mail, or a provider's notification. Pure; never throws; bounded in time. */
export function parseStored(raw: Buffer, provider: NotificationProvider | undefined): ParsedReport {
  return provider === undefined ? parseReport(raw) : parseNotification(provider, raw);
}
