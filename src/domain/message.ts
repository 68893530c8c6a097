// The house's one currency and its ledger: what is written once when a message is accepted (MessageRecord),
// and what changes until every recipient is settled (MessageState). Times are milliseconds since the epoch, Redis time.
import type { Category, Reply } from "./reply.ts";
import type { RecipientStatus } from "./states.ts";
import type { RecipientSuppression } from "./suppression.ts";

export const lanes = ["transactional", "broadcast"] as const;
export type Lane = (typeof lanes)[number];
/** A tag that a caller puts on a message. */
export const tagPattern = /^[A-Za-z0-9_.:-]{1,64}$/;
export type RecipientKind = "to" | "cc" | "bcc";
/** What to do when nobody knows whether a relay took the mail: send again (a double is possible) or stop as `unknown`. */
export type OnDoubt = "resend" | "hold";

/** What is known at acceptance and never changes. Stored as one JSON string that no script changes. */
export type MessageRecord = {
  id: string;
  tenant: string;
  key_id: string;
  /** What the key was called when the message came; absent: nothing. */
  key_name?: string;
  created_at: number;
  from: string;
  envelope_from: string;
  /** Our own envelope sender, for relays that take it; absent where there is no domain for it. */
  return_path?: string;
  subject: string;
  internet_message_id: string;
  /** Of the finished bytes. */
  size: number;
  /** In how many pieces the store keeps the bytes, where it is more than one. */
  chunks?: number;
  /** The bytes need SMTPUTF8 (RFC 6531), or 8BITMIME (RFC 6152). */
  smtputf8?: boolean;
  eight_bit?: boolean;
  lane: Lane;
  on_doubt: OnDoubt;
  /** The mailing list that it asked an unsubscribe link for: who has left that gets none of it. */
  list?: string;
  /** Its recipients are sent to though they are suppressed. */
  bypass_suppressions?: true;
  tags: string[];
  /** The relay that the message names: no other may carry it. */
  relay?: string;
  metadata: Record<string, string>;
  /** The trace that it was accepted in (W3C Trace Context), where somebody keeps it. */
  traceparent?: string;
  tracestate?: string;
  /** In envelope order; the index names the recipient in the state and in the scripts. */
  recipients: { address: string; kind: RecipientKind }[];
};

/** A recipient's current state. Absent fields are not known or do not apply. */
export type RecipientState = {
  status: RecipientStatus;
  /** Index into MessageState.dispatches. */
  dispatch: number;
  attempts: number;
  updated_at: number;
  /** The relay that answered last. */
  relay?: string;
  reply?: Reply;
  category?: Category;
  /** The id of the rule that found the category: it knows the best advice. */
  rule?: string;
  hard_bounce?: boolean;
  possible_duplicate?: boolean;
  /** Why it was not sent to. */
  suppression?: RecipientSuppression;
  /** A report that came back ended it: so a relay had taken the mail. */
  reported?: boolean;
  /** Attempts after which nobody knows whether the relay took the mail. */
  doubts?: number;
};

/** The still open recipients of one message that go to one relay. */
export type DispatchState = {
  relay: string;
  /** Raised by every (re)schedule; a wake-up with another generation is stale. */
  generation: number;
  next_at: number;
  /** It was put off to `next_at`, and is counted among those that were. */
  later?: boolean;
  /** Transactions that a server answered with "later": what the backoff counts. */
  tries: number;
  /** Times the relay itself was at fault in a row (no connection, no login): a backoff of its own. */
  faults: number;
  /** How many workers in a row died while they had it. */
  deaths?: number;
  /**
   * Set while an attempt is under way. `word`: by which its worker asks for the same claim again, should the answer be lost.
   * `marks`: the attempt says so before its final dot (`handing_over`), so that without that word there is no doubt.
   */
  claim?: { attempt: number; owner: string; claimed_at: number; word: string; marks?: boolean; handing_over?: boolean };
};

/** What changes. Stored as one JSON string that every script of the ledger reads and writes whole. */
export type MessageState = {
  expires_at: number;
  send_at?: number;
  /** Attempts so far, over all dispatches: the number of the last one. */
  attempts: number;
  recipients: RecipientState[];
  dispatches: DispatchState[];
  /** The job that its dispatches of the first generation share with those of other messages; see SharedJob. */
  job?: string;
  /** Sequence numbers of this message's events, in order. */
  events: number[];
};

export type Message = { record: MessageRecord; state: MessageState };
