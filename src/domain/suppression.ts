// Suppressions: addresses that a tenant does not send to any more, and why. One is of all mail, or of one mailing list.

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
