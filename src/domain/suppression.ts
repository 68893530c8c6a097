// Suppressions: addresses that a tenant does not send to any more, and why. One is of all mail, or of one mailing list.
import type { Category } from "./reply.ts";

/** Why an address is suppressed, the weightiest last: a graver reason takes the place of a lighter one. */
export const suppressionReasons = ["manual", "bounce", "unsubscribe", "complaint"] as const;

export type SuppressionReason = (typeof suppressionReasons)[number];

/** What made a suppression: a relay's refusal, a report that came back, a caller, a file, or an unsubscribe link. */
export const suppressionSources = ["delivery", "report", "api", "import", "link"] as const;

export type SuppressionSource = (typeof suppressionSources)[number];

/** What may suppress an address by itself: faults of the recipient's own. Never one of a relay, of a policy or of the way there. */
export const suppressionCauses = ["hard_bounce", "inactive_recipient", "mailbox_full", "complaint"] as const;

export type SuppressionCause = (typeof suppressionCauses)[number];

/** How long each cause suppresses, in milliseconds or for good; one that is absent does not. The scripts are given it as JSON. */
export type SuppressionPolicy = Partial<Record<SuppressionCause, number | "forever">>;

export const defaultSuppressionPolicy: SuppressionPolicy = {
  hard_bounce: "forever",
  inactive_recipient: 30 * 24 * 3_600_000,
  complaint: "forever",
};

/** Why a recipient was not sent to. `list`: it has left that list alone. `since`: milliseconds since the epoch. */
export type RecipientSuppression = { reason: SuppressionReason; list?: string; since: number };

/**
 * The form in which an address is suppressed. Only its own host may say whether the case of a local part matters (RFC 5321 section 2.4),
 * and hardly any says so: somebody who complained as `Ada@` must not get mail as `ada@`, while two people whose addresses differ in case
 * alone are all but unknown. Letters outside ASCII stay, for how these fold depends on the language. The scripts do the same.
 * @param address canonical
 */
export function suppressionKey(address: string): string {
  return address.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

const suppressedBecause: Readonly<Record<SuppressionReason, string>> = {
  manual: "The address is on the suppression list",
  bounce: "Mail to the address bounced before: correct the address, or find out whether it takes mail again",
  unsubscribe: "The recipient has unsubscribed: send only if they ask for your mail again",
  complaint: "The recipient reported earlier mail as spam: send only if they ask for your mail again",
};

/** What to do about a recipient that was not sent to, and how to undo it: one sentence. */
export function suppressionAdvice({ reason, list }: Pick<RecipientSuppression, "reason" | "list">): string {
  const path = `/v1/suppressions/{address}${list === undefined ? "" : `?list=${list}`}`;
  return `${suppressedBecause[reason]}; to lift it, DELETE ${path} and send the message anew.`;
}

/** A suppression as it stands. Times in milliseconds since the epoch. */
export type Suppression = {
  /** In the form of `suppressionKey`. */
  address: string;
  /** Of this list's mail only; absent: of all mail. */
  list?: string;
  reason: SuppressionReason;
  source: SuppressionSource;
  /** Why mail bounced. */
  category?: Category;
  created_at: number;
  /** Absent: for good. */
  expires_at?: number;
  /** The message and the event that led to it. */
  message_id?: string;
  event?: { sequence: number; at: number };
};

/** Names of mailing lists; they are told apart without regard to case, and written in lower case. */
export const listPattern = /^[a-z0-9_.:-]{1,64}$/;
