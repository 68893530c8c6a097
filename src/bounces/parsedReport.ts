// What a report says, once read: the words that the parsers, the intake and the command line share.
import type { Phase } from "../domain/relay.ts";
import type { Category, Reply } from "../domain/reply.ts";

/**
 * `bounce`: at least one recipient was refused for good. `delayed`: time is the trouble: still being tried, or given up because it
 * ran out; a report's `action` says which, and only that decides what becomes of a recipient. `delivered`: a success report.
 * `unsubscribe`: the recipient left by way of the relay's provider; only its notifications say so.
 * `none`: no report at all, or one that nothing can be read out of.
 */
export type ReportKind = "bounce" | "complaint" | "unsubscribe" | "auto_reply" | "delayed" | "delivered" | "none";

/**
 * RFC 3464, section 2.3.3; `deliverable` is what servers write that verified an address and delivered nothing.
 * Only `delivered` says that the mail is in the mailbox.
 */
export type Action = "failed" | "delayed" | "delivered" | "relayed" | "expanded" | "deliverable";

/** What became of one recipient. */
export type RecipientReport = {
  /** The address as the report writes it, decoded, its domain in lower case. */
  recipient: string;
  /** The address that the sender used (Original-Recipient), where it is another one: look for this one first. */
  originalRecipient?: string;
  action: Action;
  /** Absent unless something went wrong. */
  category?: Category;
  /** The address or its domain does not exist, whoever sends. */
  hardBounce: boolean;
  /** The server's own line where the report quotes one, else the report's wording with `code: 0`. */
  reply: Reply;
  /** The id of the reply rule that explains `category`. */
  rule?: string;
  /** Where in the remote transaction the refusal came, if the report says so. */
  phase?: Phase;
  remoteMta?: string;
};

/** The header of the message that the report is about, as far as the report returns it. */
export type OriginalMessage = {
  messageId?: string;
  from?: string;
  to: readonly string[];
  subject?: string;
  /** Every field in order, names in lower case, values unfolded but not decoded. */
  headers: readonly Header[];
};

export type Header = { name: string; value: string };

export type ParsedReport = {
  kind: ReportKind;
  reports: RecipientReport[];
  /** The embedded original's header: the place to look for our own token and Message-ID. */
  original?: OriginalMessage;
  /** The id that the relay's provider gave the message: it stood in its reply to the final dot. */
  relayMessageId?: string;
  /** The host that wrote the report, without the type (`dns;`). */
  reportingMta?: string;
  /** When that host had taken the message (Arrival-Date), as it wrote it. */
  arrivalDate?: string;
  /** The sender's own envelope id (RFC 3461, section 4.4), xtext decoded. */
  envelopeId?: string;
  /** RFC 5965: `abuse`, `fraud`, `virus`, `not-spam`, `opt-out`, `auth-failure`, … in lower case. A `not-spam` takes a complaint back. */
  feedbackType?: string;
  /** A complaint does not say whose it is: `reports` names all to whom the original was addressed. */
  anyOf?: true;
  /** Which dialect the report is written in: `rfc3464`, `rfc5965`, or the id of a row in `dialects/`. */
  dialect?: string;
};
