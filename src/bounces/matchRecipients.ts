// Which recipients of a message a report means, and what it says became of each. Pure.
import { addressKey } from "../domain/address.ts";
import type { ParsedReport, RecipientReport } from "./parsedReport.ts";

/** What a report does to a recipient; `none`: a delay, a relaying, a complaint taken back: nothing changes. */
export type Meaning = "bounced" | "complained" | "delivered" | "unsubscribed" | "none";

/** One recipient's report with the recipient that is meant (its index in the message), if it is one of the message's. */
export type Match = { report: RecipientReport; recipient?: number; meaning: Meaning };

/** RFC 5965, section 7.3, RFC 6650, section 2: the types by which a recipient says that the mail was not wanted. */
const complaintTypes: ReadonlySet<string> = new Set(["abuse", "fraud", "opt-out", "opt-out-list", "other", "miscategorized"]);

function meaningOf({ kind, feedbackType = "abuse" }: ParsedReport, { action }: RecipientReport): Meaning {
  if (kind === "complaint") return complaintTypes.has(feedbackType) ? "complained" : "none";
  if (kind === "unsubscribe") return "unsubscribed";
  if (action === "failed") return "bounced";
  return action === "delivered" ? "delivered" : "none";
}

/** A complaint that names nobody, or anybody: it can only be told whose it is where the message had one recipient. */
function complaintOfTheOnly(report: ParsedReport, address: string): Match {
  const about: RecipientReport = { recipient: address, action: "delivered", hardBounce: false, reply: { code: 0, text: "" } };
  return { report: about, recipient: 0, meaning: meaningOf(report, about) };
}

/**
 * Finds out whom a report means.
 * @param recipients the message's addresses
 * @param atReturnPath whether the report came to the message's own return path: then a failure elsewhere (mail that was forwarded)
 *   is the failure of the only recipient, though it says nothing of that address itself
 */
export function matchRecipients(report: ParsedReport, recipients: readonly string[], atReturnPath: boolean): Match[] {
  const keys = recipients.map(addressKey);
  const [only, ...others] = recipients;
  const alone = only !== undefined && others.length === 0;
  if (report.kind === "complaint" && (report.anyOf || report.reports.length === 0)) return alone ? [complaintOfTheOnly(report, only)] : [];
  const matches = report.reports.map((one): Match => {
    const named = [one.originalRecipient, one.recipient].flatMap((address) =>
      address === undefined ? [] : [keys.indexOf(addressKey(address))],
    );
    const index = named.find((found) => found !== -1);
    const meaning = meaningOf(report, one);
    if (index !== undefined) return { report: one, recipient: index, meaning };
    // What a dialect of no known server names may be anything.
    const forwarded = alone && atReturnPath && meaning === "bounced" && report.reports.length === 1 && report.dialect !== "unnamed";
    return forwarded ? { report: { ...one, hardBounce: false }, recipient: 0, meaning } : { report: one, meaning };
  });
  return onePerRecipient(matches);
}

/** Of several reports on one recipient (an alias that was expanded) the gravest counts. */
function onePerRecipient(matches: Match[]): Match[] {
  const gravity: Record<Meaning, number> = { none: 0, delivered: 1, bounced: 2, unsubscribed: 3, complained: 4 };
  const kept = new Map<number | Match, Match>();
  for (const match of matches) {
    const before = kept.get(match.recipient ?? match);
    if (!before || gravity[match.meaning] > gravity[before.meaning]) kept.set(match.recipient ?? match, match);
  }
  return [...kept.values()];
}
