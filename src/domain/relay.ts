// What the rest of the house knows of a relay: its configuration, and what one transaction with it came to.
import type { Reply } from "./reply.ts";

/** How a session to the relay is protected. `required`: STARTTLS or nothing; `implicit`: TLS from the first byte. */
export type TlsMode = "required" | "opportunistic" | "implicit" | "none";

export type RelayConfig = {
  name: string;
  host: string;
  port: number;
  tls: TlsMode;
  /** false only by explicit configuration; certificates are checked otherwise. */
  verifyCertificate: boolean;
  auth?: { user: string; pass: string };
  /** Connections at most. */
  connections: number;
  /** The envelope sender: our own return path (the default, where there is a domain for it), or the sender's address. */
  returnPath?: "own" | "from";
  limits?: RelayLimits;
};

/** So many messages within so many milliseconds. */
export type Rate = { count: number; perMs: number };

/** What a relay takes, over all workers together. What is absent has no limit. */
export type RelayLimits = {
  /** All of them hold at once. */
  rates: readonly Rate[];
  /** Messages that may go at once beyond the even pace, after a pause. */
  burst: number;
  /** A connection is closed after so many messages. */
  messagesPerConnection?: number;
  /** A message for more recipients goes in several transactions. */
  recipientsPerTransaction?: number;
  messageBytesMax?: number;
  /** By recipient domain (canonical). */
  domains: Readonly<Record<string, { rates: readonly Rate[]; burst: number; connections?: number }>>;
  /** `daily[n]`: messages on day n (from 0) after `since` (ms since the epoch, a UTC midnight); unlimited after the last. */
  warmUp?: { since: number; daily: readonly number[] };
};

/** All in milliseconds. `command`: between two replies; `afterDot`: for the reply to the final dot; `attempt`: the whole transaction. */
export type Timeouts = { connect: number; command: number; afterDot: number; attempt: number; ownerLease: number };

/** Where a transaction or a connection broke off. */
export type Phase = "dns" | "connect" | "greeting" | "ehlo" | "starttls" | "auth" | "mail" | "rcpt" | "data" | "body" | "after_dot";

/** Something is wrong with the relay or the way to it, not with a recipient. `reply` if the relay said why. */
export type RelayFault = { phase: Phase; text: string; reply?: Reply };

/** What one transaction meant for one recipient. */
export type SendOutcome =
  /** The relay answered the final dot with 2xx. */
  | { kind: "accepted"; reply: Reply }
  /** A 5xx, to this recipient or to the whole transaction. `ours`: we said it in the relay's place, which would have had to. */
  | { kind: "refused"; reply: Reply; phase: Phase; ours?: true }
  /** A 4xx, to this recipient or to the whole transaction. */
  | { kind: "try_later"; reply: Reply; phase: Phase }
  /** The transaction ended before the whole body was handed over: the relay cannot have the mail. */
  | { kind: "not_sent"; fault: RelayFault }
  /** The whole body was handed over, and no answer came: nobody knows. */
  | { kind: "in_doubt"; fault: RelayFault };

/** One line of the dialogue, credentials masked, `atMs` since the attempt began. */
export type TranscriptLine = { from: "client" | "server"; atMs: number; line: string };

/** What is known of the connection that an attempt used. */
export type ConnectionFacts = { remoteAddress?: string; tls?: { version: string; cipher: string }; reused: boolean };
