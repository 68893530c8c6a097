// What a mail server answered, and what we make of it.

/** One SMTP reply. `enhanced` is the RFC 3463 code if the reply carries one; `text` is the reply's text without either code. */
export type Reply = { code: number; enhanced?: string; text: string };

/** Why a recipient was not reached; the contract's closed list. */
export const categories = [
  "invalid_recipient",
  "inactive_recipient",
  "mailbox_full",
  "bad_domain",
  "unreachable",
  "expired",
  "sender_rejected",
  "relay_denied",
  "authentication",
  "reputation",
  "spam",
  "content",
  "virus",
  "message_too_large",
  "policy",
  "rate_limited",
  "protocol",
  "system",
  "unknown",
] as const;

export type Category = (typeof categories)[number];
