// Files of the corpus whose own text plainly says something else than the reference, with the reason why.
import type { ReportKind } from "../../src/bounces/parsedReport.ts";

/** What is right instead. `recipients`: the reference's cannot be read out of the file, or are not in it. */
export type Excuse = { why: string; kind?: ReportKind; recipients?: true; hardBounce?: boolean };

export const plainlyOtherwise: ReadonlyMap<string, Excuse> = new Map([
  ["lhost-v5sendmail-01.eml", { why: "the reference's domain is cut short", recipients: true }],
  ["lhost-opensmtpd-13.eml", { why: "Action: delayed, and the message is still queued", kind: "delayed" }],
  ["arf-11.eml", { why: "it names no recipient: the reference's is a placeholder", recipients: true }],
  ["rfc3464-28.eml", { why: "two mails in one file, which no server hands over", recipients: true }],
]);
