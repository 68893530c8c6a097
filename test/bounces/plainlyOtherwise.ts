// Files of the corpus whose own text plainly says something else than the reference, with the reason why.
import type { ReportKind } from "../../src/bounces/parsedReport.ts";

/** What is right instead. `recipients`: the reference's cannot be read out of the file, or are not in it. */
export type Excuse = { why: string; kind?: ReportKind; recipients?: true; hardBounce?: boolean };

/** Sisimai calls every expired delivery "delayed". These reports say that the recipient was given up: "Action: failed", "giving up". */
const givenUp: readonly string[] = [
  "lhost-amazonworkmail-05.eml",
  "lhost-amazonworkmail-07.eml",
  "lhost-dragonfly-30.eml",
  "lhost-exim-06.eml",
  "lhost-ezweb-05.eml",
  "lhost-gmx-04.eml",
  "lhost-opensmtpd-05.eml",
  "lhost-outlook-07.eml",
  "lhost-postfix-08.eml",
  "lhost-postfix-15.eml",
  "lhost-postfix-37.eml",
  "lhost-v5sendmail-01.eml",
  "lhost-x2-03.eml",
  "lhost-x2-05.eml",
  "lhost-yahoo-13.eml",
  "rfc3464-56.eml",
  "rhost-gsuite-07.eml",
];

export const plainlyOtherwise: ReadonlyMap<string, Excuse> = new Map<string, Excuse>([
  ...givenUp.map((file): [string, Excuse] => [file, { why: "the report says that the recipient was given up", kind: "bounce" }]),
  ["lhost-v5sendmail-01.eml", { why: "given up; and the reference's domain is cut short", kind: "bounce", recipients: true }],
  ["lhost-opensmtpd-13.eml", { why: "Action: delayed, and the message is still queued", kind: "delayed" }],
  ["arf-11.eml", { why: "it names no recipient: the reference's is a placeholder", recipients: true }],
  ["rfc3464-28.eml", { why: "two mails in one file, which no server hands over", recipients: true }],
]);
