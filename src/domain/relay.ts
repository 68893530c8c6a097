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
  tlsOptions?: TlsOptions;
  auth?: RelayAuth;
  /** What stands between us and the relay. */
  proxy?: RelayProxy;
  /** Connections at most, over all workers together. */
  connections: number;
  limits?: RelayLimits;
  /** Whose envelope sender the relay takes: `own`, one of ours, where there is a domain for it (the default), or `from`, the message's. */
  returnPath?: "own" | "from";
  /** Header fields that the relay replaces by its own (lower case), so that no signature may cover them. */
  rewrites?: readonly string[];
};

/** Beyond the mode: whom we trust, and as whom we appear. */
export type TlsOptions = {
  /** Certificates (PEM, one after the other) that are trusted instead of the public ones. */
  trustedCertificates?: string;
  /** PEM, the chain's own certificate first. */
  clientCertificate?: { certificate: string; key: string };
  /** Default 1.2. */
  versionMin?: "TLSv1.2" | "TLSv1.3";
  /** Whose certificate it must be, and what SNI asks for; default the host. */
  serverName?: string;
};

/** SASL mechanisms that take a password. */
export type PasswordMethod = "plain" | "login" | "cram-md5";

/** How to log in. With a password and no method: the first of PLAIN, LOGIN and CRAM-MD5 that the relay offers. */
export type RelayAuth =
  | { user: string; pass: string; method?: PasswordMethod; token?: never }
  | { user: string; method: "xoauth2"; token: TokenGrant; pass?: never };

/** What is shown to a token endpoint for an access token (RFC 6749). */
export type TokenGrant = { url: string; scope?: string } & (
  | { kind: "refresh_token"; clientId: string; clientSecret?: string; refreshToken: string }
  | { kind: "client_credentials"; clientId: string; clientSecret: string }
  /** A JWT signed by the account's own key (RFC 7523). */
  | { kind: "service_account"; account: string; privateKey: string }
);

/** An HTTP proxy (CONNECT), by itself reached by TLS if `https`, or a SOCKS proxy. It is the proxy that resolves the relay's name. */
export type RelayProxy = {
  kind: "http" | "https" | "socks4" | "socks5";
  host: string;
  port: number;
  auth?: { user: string; pass: string };
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
