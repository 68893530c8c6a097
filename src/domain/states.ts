// The states of a recipient, which state may follow which, and how a message's own status is derived from them.
// Design: "a recipient has a state of its own"; a message's status is never stored.

/** States in which Postern still has something to do for the recipient. */
export const openStatuses = ["scheduled", "queued", "sending", "deferred"] as const;

/** States that are an end, though a late report or a retry may still change them. */
export const settledStatuses = ["sent", "delivered", "bounced", "complained", "failed", "unknown", "suppressed", "cancelled"] as const;

export const recipientStatuses = [...openStatuses, ...settledStatuses] as const;

export type OpenStatus = (typeof openStatuses)[number];
export type RecipientStatus = (typeof recipientStatuses)[number];

/** A message's own status: one of its recipients' common states, or a word for a mixture. */
export const messageStatuses = [
  "scheduled",
  "in_progress",
  "sent",
  "delivered",
  "bounced",
  "complained",
  "failed",
  "unknown",
  "suppressed",
  "cancelled",
  "partial",
] as const;

export type MessageStatus = (typeof messageStatuses)[number];

/**
 * The transition table; the ledger's scripts are given it and go by it. `doubt` marks what is allowed only while it is uncertain
 * whether a relay has the mail: a late 250, or a report that comes back, then settles the doubt.
 */
export const transitions: Readonly<Record<RecipientStatus, Partial<Record<RecipientStatus, "always" | "doubt">>>> = {
  scheduled: { queued: "always", suppressed: "always", cancelled: "always", failed: "always" },
  queued: { sending: "always", suppressed: "always", cancelled: "always", failed: "always", sent: "doubt" },
  sending: {
    sent: "always",
    deferred: "always",
    bounced: "always",
    failed: "always",
    unknown: "always",
    queued: "always",
    delivered: "doubt",
    complained: "doubt",
  },
  deferred: {
    sending: "always",
    queued: "always",
    cancelled: "always",
    suppressed: "always",
    failed: "always",
    unknown: "always",
    sent: "doubt",
    delivered: "doubt",
    bounced: "doubt",
    complained: "doubt",
  },
  sent: { delivered: "always", bounced: "always", complained: "always" },
  delivered: { bounced: "always", complained: "always" },
  unknown: { sent: "always", delivered: "always", bounced: "always", complained: "always", queued: "always" },
  bounced: { delivered: "always", queued: "always" },
  failed: { delivered: "always", queued: "always" },
  complained: {},
  suppressed: {},
  cancelled: {},
};

export function isOpen(status: RecipientStatus): status is OpenStatus {
  return (openStatuses as readonly string[]).includes(status);
}

/** The message's status, from its recipients' states (at least one). */
export function deriveMessageStatus(statuses: readonly RecipientStatus[]): MessageStatus {
  const distinct = new Set(statuses);
  if (distinct.size === 1 && distinct.has("scheduled")) return "scheduled";
  if (statuses.some(isOpen)) return "in_progress";
  const [only] = distinct;
  if (distinct.size === 1 && only !== undefined) return only as MessageStatus;
  if ([...distinct].every((status) => status === "sent" || status === "delivered")) return "sent";
  return "partial";
}
