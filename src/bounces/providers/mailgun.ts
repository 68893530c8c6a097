// Mailgun: the `event-data` of its webhooks ("Webhook payloads"). It keeps our Message-ID, and names it in every event.
import type { ParsedReport } from "../parsedReport.ts";
import { type Lenient, objectIn, rowOf, stringIn, wordIn } from "./lenientJson.ts";
import { addressIn, type Cause, fineFor, judgeNotice, meantMessage } from "./notice.ts";

/** `reason`. */
const causes: Readonly<Record<string, Cause>> = {
  "suppress-bounce": { status: "5.2.1" },
  "suppress-complaint": { status: "5.2.1" },
  "suppress-unsubscribe": { status: "5.2.1" },
  espblock: { category: "reputation", lasting: false },
  greylisted: { status: "4.7.1", lasting: false },
  old: { status: "5.4.7", lasting: false },
};

const ignored: ReadonlySet<string> = new Set([
  "accepted",
  "opened",
  "clicked",
  "stored",
  "list_member_uploaded",
  "list_member_upload_error",
  "list_uploaded",
]);

/** Whether an event is one that says nothing of bounces, complaints, deliveries or unsubscribing. */
export function isIgnoredByMailgun(event: Lenient): boolean {
  return ignored.has(stringIn(objectIn(event)?.event) ?? "");
}

/** The server's reply. Codes of Mailgun's own (498, 605, …) are no SMTP, and are left out. */
function replyIn(status: ReturnType<typeof objectIn>): string {
  const code = wordIn(status?.code) ?? "";
  const enhanced = stringIn(status?.["enhanced-code"]) ?? "";
  const message = (stringIn(status?.message) ?? "").trim() || (stringIn(status?.description) ?? "").trim();
  const isReply = /^[245][0-5]\d$/.test(code);
  const parts = [isReply ? code : "", isReply && !/^[245]\.\d/.test(message) ? enhanced : "", message];
  return parts.filter((part) => part !== "").join(" ");
}

/** Reads one event; undefined where it is none that reports anything. */
export function readMailgun(event: Lenient): ParsedReport | undefined {
  const fields = objectIn(event);
  const recipient = addressIn(fields?.recipient);
  if (recipient === undefined) return undefined;
  const headers = objectIn(objectIn(fields?.message)?.headers);
  const status = objectIn(fields?.["delivery-status"]);
  const reportingMta = stringIn(status?.["mx-host"]);
  const about = {
    original: meantMessage({
      messageId: stringIn(headers?.["message-id"]),
      sender: stringIn(objectIn(fields?.envelope)?.sender),
      subject: stringIn(headers?.subject),
    }),
    dialect: "mailgun",
    ...(reportingMta && { reportingMta }),
  };
  const cause = rowOf(causes, fields?.reason);
  switch (stringIn(fields?.event)) {
    case "failed": {
      const isOver = stringIn(fields?.severity) !== "temporary";
      const judged = judgeNotice({ recipient, action: isOver ? "failed" : "delayed", diagnostic: replyIn(status), cause });
      return { kind: isOver ? "bounce" : "delayed", reports: [judged], ...about };
    }
    case "rejected": {
      // It took the mail, and then would not send it: over a limit, or for what is in it.
      const diagnostic = stringIn(objectIn(fields?.reject)?.reason) ?? stringIn(objectIn(fields?.reject)?.description);
      return {
        kind: "bounce",
        reports: [judgeNotice({ recipient, action: "failed", diagnostic, cause: { category: "policy" } })],
        ...about,
      };
    }
    case "delivered":
      return { kind: "delivered", reports: [fineFor(recipient, replyIn(status))], ...about };
    case "complained":
      return { kind: "complaint", reports: [fineFor(recipient)], feedbackType: "abuse", ...about };
    case "unsubscribed":
      return { kind: "unsubscribe", reports: [fineFor(recipient)], ...about };
  }
  return undefined;
}
