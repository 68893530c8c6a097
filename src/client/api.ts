// Made of openapi/postern.json by `npm run client`, which is where to change it: what goes over the wire, and where each operation is.

/** One SMTP transaction; credentials are masked. */
export type Attempt = {
  attempt: number;
  relay: string;
  started_at: string;
  duration_ms: number;
  remote_address: string | null;
  connection_reused: boolean | null;
  tls: {
    version: string;
    cipher: string;
  } | null;
  timings: {
    connect_ms: number | null;
    envelope_ms: number;
    body_ms: number;
    reply_ms: number;
    total_ms: number;
  } | null;
  recipients: ({
    address: string | null;
    outcome: "accepted" | "refused" | "try_later" | "not_sent" | "in_doubt";
    reply: {
      code: number;
      enhanced?: string | undefined;
      text: string;
    } | null;
    fault: {
      phase: string;
      text: string;
    } | null;
  })[];
  transcript: ({
    from: "client" | "server";
    at_ms: number;
    line: string;
  })[];
};

export type BatchRequest = {
  messages: SendRequest[];
};

/** A mail as the capture relay took it. */
export type CapturedMessage = {
  id: string;
  received_at: string;
  envelope: {
    from: string;
    to: string[];
  };
  /** The mail's From, decoded; empty if it has none. `envelope.from` is where bounces go. */
  from: string;
  subject: string;
  size: number;
};

export type CapturedMessageWithContent = {
  id: string;
  received_at: string;
  envelope: {
    from: string;
    to: string[];
  };
  /** The mail's From, decoded; empty if it has none. `envelope.from` is where bounces go. */
  from: string;
  subject: string;
  size: number;
  /** In their order, unfolded, not decoded. */
  headers: ({
    name: string;
    value: string;
  })[];
  /** The whole mail, base64. */
  raw: string;
};

export type Checks = {
  process: {
    ok: boolean;
    problems: string[];
  };
  /** Whether Redis keeps what it has acknowledged. Shown, but no reason not to be ready. */
  durability: {
    ok: boolean;
    problems: string[];
    kind: "durable" | "weak" | "unknown";
  };
};

export type ClassifyRequest = {
  /** A server's reply, as it came or as a log quotes it. */
  reply: string;
};

/** What would be sent, and by which relays. The next message may take another way: weights and what is available decide anew. */
export type DryRun = {
  route: ({
    recipient: string;
    /** Counted from 0; null: the message names its relay. */
    rule: number | null;
    /** In the order in which they are tried. */
    relays: string[];
    because: string;
  })[];
  /** The recipients as they travel together, each in a transaction of its own. */
  dispatches: ({
    /** Which takes it first. */
    relay: string;
    recipients: string[];
    because: string;
  })[];
  /** The finished message, base64. */
  raw: string;
  size: number;
};

/** One fact about a message or a recipient. Fields of `data` that do not apply, or are not known, are null. */
export type Event = {
  id: string;
  type: "message.accepted" | "message.scheduled" | "message.rescheduled" | "message.retried" | "message.sent" | "message.deferred" | "message.delivered" | "message.bounced" | "message.failed" | "message.unknown" | "message.complained" | "message.suppressed" | "message.cancelled" | "message.unsubscribed" | "suppression.added" | "suppression.removed" | "webhook.disabled";
  timestamp: string;
  data: {
    id: string;
    /** Rises with every event of the installation. */
    sequence: number;
    message_id: string | null;
    recipient: string | null;
    status: "scheduled" | "queued" | "sending" | "deferred" | "sent" | "delivered" | "bounced" | "complained" | "failed" | "unknown" | "suppressed" | "cancelled" | null;
    attempt: number | null;
    relay: string | null;
    reply: Reply | null;
    category: "invalid_recipient" | "inactive_recipient" | "mailbox_full" | "bad_domain" | "unreachable" | "expired" | "sender_rejected" | "relay_denied" | "authentication" | "reputation" | "spam" | "content" | "virus" | "message_too_large" | "policy" | "rate_limited" | "protocol" | "system" | "unknown" | null;
    hard_bounce: boolean | null;
    /** What to do about it. */
    advice: string | null;
    possible_duplicate: boolean;
    /** The message's; null when that is no longer kept. */
    tags: string[] | null;
    metadata: { [name: string]: string } | null;
    /** Only in events about a suppression. */
    suppression?: {
      reason: "manual" | "bounce" | "unsubscribe" | "complaint" | null;
      source: "delivery" | "report" | "api" | "import" | "link" | null;
      /** Null: of all mail. */
      list: string | null;
      /** Null: for good. */
      expires_at: string | null;
      /** The message that led to it, in events about the suppression itself. */
      message_id: string | null;
      /** One event, without a recipient, stands for so many that an import brought. */
      imported: number | null;
    } | undefined;
    /** Only in events about a webhook. */
    webhook_id?: string | undefined;
  };
};

export type Key = {
  id: string;
  name: string;
  tenant: string;
  scopes: ("send" | "read" | "manage" | "operator")[];
  /** Sender domains that the key may use; null: any. */
  domains: string[] | null;
  /** Relays that the key may name in a message. */
  relays: string[];
  created_at: string;
};

export type KeyRequest = {
  name: string;
  scopes: ("send" | "read" | "manage" | "operator")[];
  /** Left out: those of the key that makes it. */
  domains?: string[] | undefined;
  /** Relays that the key may name in a message. */
  relays?: string[] | undefined;
  /** For operators: another tenant, which exists from then on. */
  tenant?: string | undefined;
};

/** A mailbox: `a@example.com`, `Name <a@example.com>` or `{ address, name }`. */
export type Mailbox = string | {
  address: string;
  name?: string | undefined;
};

/** As the provider's own documentation has it. */
export type MailgunNotification = unknown;

/** An accepted message and what became of each recipient. */
export type Message = {
  id: string;
  status: "scheduled" | "in_progress" | "sent" | "delivered" | "bounced" | "complained" | "failed" | "unknown" | "suppressed" | "cancelled" | "partial";
  created_at: string;
  send_at: string | null;
  expires_at: string;
  from: string;
  subject: string;
  tags: string[];
  metadata: { [name: string]: string };
  lane: "transactional" | "broadcast";
  internet_message_id: string;
  size: number;
  recipients: Recipient[];
};

export type MessageChange = {
  send_at: string;
};

export type NewKey = {
  id: string;
  name: string;
  tenant: string;
  scopes: ("send" | "read" | "manage" | "operator")[];
  /** Sender domains that the key may use; null: any. */
  domains: string[] | null;
  /** Relays that the key may name in a message. */
  relays: string[];
  created_at: string;
  /** What is sent as `Authorization: Bearer KEY`. Shown only this once. */
  key: string;
};

export type NotReady = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: "malformed_json" | "unsupported_media_type" | "body_too_large" | "invalid_request" | "unauthorized" | "not_verified" | "forbidden" | "sender_not_allowed" | "not_found" | "method_not_allowed" | "content_gone" | "too_late" | "idempotency_key_reused" | "idempotency_in_progress" | "no_route" | "message_too_large" | "rate_limited" | "queue_full" | "unavailable" | "overloaded" | "request_timeout" | "internal_error";
  request_id: string;
  errors?: ({
    /** JSON pointer (RFC 6901) to the faulty value in the body. */
    pointer?: string | undefined;
    /** Name of the faulty query or path parameter. */
    parameter?: string | undefined;
    /** Name of the faulty header. */
    header?: string | undefined;
    code: string;
    message: string;
  })[] | undefined;
  checks: Checks;
};

/** What was taken in of a provider's notification. */
export type NotificationsTaken = {
  /** Events that were stored; they are read within seconds. */
  stored: number;
  /** Events that had come before. */
  known: number;
  /** Events that say nothing of bounces, complaints, deliveries or unsubscribing. */
  ignored: number;
};

export type OwnKey = {
  id: string;
  /** Empty where it has none: the key of the configuration. */
  name: string;
  tenant: string;
  scopes: ("send" | "read" | "manage" | "operator")[];
  /** Sender domains that the key may use; null: any. */
  domains: string[] | null;
  /** Relays that the key may name in a message. */
  relays: string[];
};

/** As the provider's own documentation has it. */
export type PostmarkNotification = unknown;

/** Why a request was refused, and what to do about it. */
export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: "malformed_json" | "unsupported_media_type" | "body_too_large" | "invalid_request" | "unauthorized" | "not_verified" | "forbidden" | "sender_not_allowed" | "not_found" | "method_not_allowed" | "content_gone" | "too_late" | "idempotency_key_reused" | "idempotency_in_progress" | "no_route" | "message_too_large" | "rate_limited" | "queue_full" | "unavailable" | "overloaded" | "request_timeout" | "internal_error";
  request_id: string;
  errors?: ({
    /** JSON pointer (RFC 6901) to the faulty value in the body. */
    pointer?: string | undefined;
    /** Name of the faulty query or path parameter. */
    parameter?: string | undefined;
    /** Name of the faulty header. */
    header?: string | undefined;
    code: string;
    message: string;
  })[] | undefined;
};

export type RawRequest = {
  envelope: {
    from: Mailbox;
    to: Mailbox[] | Mailbox;
  };
  /** The whole RFC 5322 message, base64. */
  raw: string;
  tags?: string[] | undefined;
  /** Strings of your own, at most 4 kB of JSON; returned with every event. */
  metadata?: { [name: string]: string } | undefined;
  /** Not before this time, at most 30 days ahead. */
  send_at?: string | undefined;
  /** How long Postern tries, like `10m` or `72h`, counted from `send_at` or acceptance. */
  expires_after?: string | undefined;
  /** A broadcast never delays a transactional message. */
  lane?: "transactional" | "broadcast" | undefined;
  /** Send by this relay, for keys that list it, and operators. */
  relay?: string | undefined;
  /** When nobody knows whether a relay took the mail: send again, or stop as `unknown`. */
  on_doubt?: "resend" | "hold" | undefined;
  /** Adds a one-click unsubscribe link (RFC 8058) for this mailing list, and skips who has left it. Needs one recipient. */
  unsubscribe?: {
    list: string;
  } | undefined;
  /** Send although the recipient is suppressed, for keys with the scope `manage`. */
  bypass_suppressions?: boolean | undefined;
};

export type Recipient = {
  address: string;
  kind: "to" | "cc" | "bcc";
  status: "scheduled" | "queued" | "sending" | "deferred" | "sent" | "delivered" | "bounced" | "complained" | "failed" | "unknown" | "suppressed" | "cancelled";
  attempts: number;
  relay: string | null;
  reply: Reply | null;
  category: "invalid_recipient" | "inactive_recipient" | "mailbox_full" | "bad_domain" | "unreachable" | "expired" | "sender_rejected" | "relay_denied" | "authentication" | "reputation" | "spam" | "content" | "virus" | "message_too_large" | "policy" | "rate_limited" | "protocol" | "system" | "unknown" | null;
  hard_bounce: boolean | null;
  /** What to do about it. */
  advice: string | null;
  /** Why it was not sent to. */
  suppression: {
    reason: "manual" | "bounce" | "unsubscribe" | "complaint";
    /** The list that the recipient has left; null: all mail is suppressed. */
    list: string | null;
    since: string;
  } | null;
  /** A relay may have taken more than one copy. */
  possible_duplicate: boolean;
  next_attempt_at: string | null;
  updated_at: string;
};

export type Relay = {
  name: string;
  host: string;
  port: number;
  tls: string;
  /** `suspended`: it could not be talked to and is tried again by itself; `paused`: by an operator, until resumed. */
  state: "up" | "suspended" | "paused";
  /** When a suspended relay is next tried. */
  suspended_until: string | null;
  paused_at: string | null;
  /** Why it last could not be talked to; it may work again since. */
  last_error: {
    at: string;
    phase: string;
    code: number | null;
    text: string;
  } | null;
  /** `held`: by all workers together. `open` and `busy`: of the process that answers; null where it delivers nothing itself. */
  connections: {
    allowed: number;
    held: number;
    open: number | null;
    busy: number | null;
  };
  /** The configured rates, which hold all at once; none: no limit. */
  rates: ({
    messages: number;
    per_ms: number;
  })[];
  /** How often it was used in the last 60 s, by all workers together; about. */
  attempts_last_minute: number;
  /** What the rate was lowered to because the relay asked for it. */
  slowed_to_per_second: number | null;
  queue: {
    waiting: number;
    delayed: number;
    active: number;
  };
  oldest_waiting_at: string | null;
};

export type Replay = {
  since: string;
};

export type ReplayRequest = {
  since: string;
};

/** What the relay answered last. */
export type Reply = {
  /** The SMTP code; null when no server said anything and `text` says what happened. */
  code: number | null;
  /** RFC 3463. */
  enhanced: string | null;
  text: string;
};

export type ReplyClassification = {
  category: "invalid_recipient" | "inactive_recipient" | "mailbox_full" | "bad_domain" | "unreachable" | "expired" | "sender_rejected" | "relay_denied" | "authentication" | "reputation" | "spam" | "content" | "virus" | "message_too_large" | "policy" | "rate_limited" | "protocol" | "system" | "unknown" | null;
  /** The address or its domain does not exist, whoever sends. */
  hard_bounce: boolean;
  advice: string | null;
  /** The id of the rule that matched. */
  rule: string | null;
  /** What made it match. */
  matched_text: string | null;
  reply: Reply | null;
};

/** A mail that came back: a bounce, a complaint, an auto-reply. */
export type Report = {
  id: string;
  /** `pending`: not read yet. `processed`: about a message of yours. `unmatched`: read, but about none. `unparsed`: nothing could be read out of it; it is kept for you to look at. */
  status: "pending" | "processed" | "unmatched" | "unparsed";
  /** `smtp`: a mail; `http`: handed in; else the provider that posted it. */
  source: "smtp" | "http" | "ses" | "sendgrid" | "postmark" | "mailgun";
  received_at: string;
  size: number;
  message_id: string | null;
  kind: "bounce" | "complaint" | "unsubscribe" | "auto_reply" | "delayed" | "delivered" | "none" | null;
  /** What it is written in: `rfc3464`, `rfc5965`, or a server's own way. */
  dialect: string | null;
  /** Of a complaint (RFC 5965). */
  feedback_type: string | null;
  reporting_mta: string | null;
  /** Why it is `unparsed`. */
  fault: "no_report" | "crashed" | "timed_out" | "gave_up" | "content_gone" | null;
  recipients: ({
    address: string;
    action: string;
    /** What it did: the new state, `unchanged`, or why nothing: `not_accepted` (no relay had taken the mail), `not_a_recipient`, `message_gone`. */
    effect: "bounced" | "complained" | "delivered" | "unsubscribed" | "unchanged" | "not_accepted" | "not_a_recipient" | "message_gone";
    /** The address was suppressed by it. */
    suppressed: boolean;
    category: "invalid_recipient" | "inactive_recipient" | "mailbox_full" | "bad_domain" | "unreachable" | "expired" | "sender_rejected" | "relay_denied" | "authentication" | "reputation" | "spam" | "content" | "virus" | "message_too_large" | "policy" | "rate_limited" | "protocol" | "system" | "unknown" | null;
    hard_bounce: boolean;
    advice: string | null;
    reply: Reply | null;
  })[];
};

export type ReportClassification = {
  /** `bounce`: somebody was refused for good. `delayed`: time is the trouble; `action` says whether it is still tried (`delayed`) or was given up (`failed`). */
  kind: "bounce" | "complaint" | "unsubscribe" | "auto_reply" | "delayed" | "delivered" | "none";
  dialect: string | null;
  feedback_type: string | null;
  reports: ({
    recipient: string;
    /** RFC 3464, section 2.3.3. Only `failed` and `delivered` end anything. */
    action: "failed" | "delayed" | "delivered" | "relayed" | "expanded" | "deliverable";
    category: "invalid_recipient" | "inactive_recipient" | "mailbox_full" | "bad_domain" | "unreachable" | "expired" | "sender_rejected" | "relay_denied" | "authentication" | "reputation" | "spam" | "content" | "virus" | "message_too_large" | "policy" | "rate_limited" | "protocol" | "system" | "unknown" | null;
    /** The address or its domain does not exist, whoever sends. */
    hard_bounce: boolean;
    advice: string | null;
    /** The id of the rule that matched. */
    rule: string | null;
    /** What made it match. */
    matched_text: string | null;
    reply: Reply | null;
  })[];
};

export type ReportWithContent = {
  id: string;
  /** `pending`: not read yet. `processed`: about a message of yours. `unmatched`: read, but about none. `unparsed`: nothing could be read out of it; it is kept for you to look at. */
  status: "pending" | "processed" | "unmatched" | "unparsed";
  /** `smtp`: a mail; `http`: handed in; else the provider that posted it. */
  source: "smtp" | "http" | "ses" | "sendgrid" | "postmark" | "mailgun";
  received_at: string;
  size: number;
  message_id: string | null;
  kind: "bounce" | "complaint" | "unsubscribe" | "auto_reply" | "delayed" | "delivered" | "none" | null;
  /** What it is written in: `rfc3464`, `rfc5965`, or a server's own way. */
  dialect: string | null;
  /** Of a complaint (RFC 5965). */
  feedback_type: string | null;
  reporting_mta: string | null;
  /** Why it is `unparsed`. */
  fault: "no_report" | "crashed" | "timed_out" | "gave_up" | "content_gone" | null;
  recipients: ({
    address: string;
    action: string;
    /** What it did: the new state, `unchanged`, or why nothing: `not_accepted` (no relay had taken the mail), `not_a_recipient`, `message_gone`. */
    effect: "bounced" | "complained" | "delivered" | "unsubscribed" | "unchanged" | "not_accepted" | "not_a_recipient" | "message_gone";
    /** The address was suppressed by it. */
    suppressed: boolean;
    category: "invalid_recipient" | "inactive_recipient" | "mailbox_full" | "bad_domain" | "unreachable" | "expired" | "sender_rejected" | "relay_denied" | "authentication" | "reputation" | "spam" | "content" | "virus" | "message_too_large" | "policy" | "rate_limited" | "protocol" | "system" | "unknown" | null;
    hard_bounce: boolean;
    advice: string | null;
    reply: Reply | null;
  })[];
  /** The mail, base64, its first 1 MiB; null when it is no longer kept. */
  raw: string | null;
};

export type SendRequest = {
  from: Mailbox;
  to: Mailbox[] | Mailbox;
  cc?: Mailbox[] | Mailbox | undefined;
  bcc?: Mailbox[] | Mailbox | undefined;
  reply_to?: Mailbox[] | Mailbox | undefined;
  subject?: string | undefined;
  text?: string | undefined;
  html?: string | undefined;
  /** Further headers. Those that Postern writes itself are refused; `List-*`, `X-*`, `References` and the like pass. */
  headers?: { [name: string]: string } | undefined;
  attachments?: ({
    filename: string;
    /** The file, base64. */
    content: string;
    content_type?: string | undefined;
    /** For inline images: `cid:` and this in the HTML. */
    content_id?: string | undefined;
  })[] | undefined;
  tags?: string[] | undefined;
  /** Strings of your own, at most 4 kB of JSON; returned with every event. */
  metadata?: { [name: string]: string } | undefined;
  /** Not before this time, at most 30 days ahead. */
  send_at?: string | undefined;
  /** How long Postern tries, like `10m` or `72h`, counted from `send_at` or acceptance. */
  expires_after?: string | undefined;
  /** A broadcast never delays a transactional message. */
  lane?: "transactional" | "broadcast" | undefined;
  /** Send by this relay, for keys that list it, and operators. */
  relay?: string | undefined;
  /** When nobody knows whether a relay took the mail: send again, or stop as `unknown`. */
  on_doubt?: "resend" | "hold" | undefined;
  /** Adds a one-click unsubscribe link (RFC 8058) for this mailing list, and skips who has left it. Needs one recipient. */
  unsubscribe?: {
    list: string;
  } | undefined;
  /** Send although the recipient is suppressed, for keys with the scope `manage`. */
  bypass_suppressions?: boolean | undefined;
};

/** As the provider's own documentation has it. */
export type SendgridNotification = unknown;

/** As the provider's own documentation has it. */
export type SesNotification = unknown;

/** `accepted` counts messages, all others recipients. */
export type Stats = {
  step: "1m" | "5m" | "15m" | "1h";
  /** Every step up to the present one, oldest first. */
  data: ({
    /** Begin of the step. */
    at: string;
    accepted: number;
    sent: number;
    deferred: number;
    delivered: number;
    bounced: number;
    complained: number;
    failed: number;
    unknown: number;
    suppressed: number;
    cancelled: number;
  })[];
  /** The place in the event log up to which is counted: as `after` of an event stream or list it gives exactly what is still to be added. */
  counted_to: string;
};

/** An address that is not sent to. */
export type Suppression = {
  address: string;
  /** Of this mailing list's mail only; null: of all mail. */
  list: string | null;
  reason: "manual" | "bounce" | "unsubscribe" | "complaint";
  /** What made it: a relay's refusal, a report that came back, a caller, a file, an unsubscribe link. */
  source: "delivery" | "report" | "api" | "import" | "link";
  /** Why mail bounced. */
  category: "invalid_recipient" | "inactive_recipient" | "mailbox_full" | "bad_domain" | "unreachable" | "expired" | "sender_rejected" | "relay_denied" | "authentication" | "reputation" | "spam" | "content" | "virus" | "message_too_large" | "policy" | "rate_limited" | "protocol" | "system" | "unknown" | null;
  created_at: string;
  expires_at: string | null;
  /** The message that led to it. */
  message_id: string | null;
  /** The event that led to it. */
  event_id: string | null;
};

export type SuppressionImport = {
  added: number;
  /** Were suppressed already, and are now for longer or for a graver reason. */
  strengthened: number;
  unchanged: number;
  /** Rows that could not be read; nothing came of these alone. */
  failed: number;
  /** False: the rows behind the last error could not be told apart, and were not read. */
  complete: boolean;
  /** The first 1,000 faulty rows, by the number of their last line in the file; the header is line 1. */
  errors: ({
    line: number;
    column: string | null;
    code: string;
    message: string;
  })[];
  ignored_columns: string[];
};

export type SuppressionRequest = {
  /** An address like `ada@example.net`; case does not matter. */
  address: string;
  /** The suppression of this mailing list's mail alone; without it, that of all mail. */
  list?: string | undefined;
  reason?: "manual" | "bounce" | "unsubscribe" | "complaint" | undefined;
  /** When it ends; without it, never. */
  expires_at?: string | undefined;
};

export type Webhook = {
  id: string;
  url: string;
  events: ("*" | "message.accepted" | "message.scheduled" | "message.rescheduled" | "message.retried" | "message.sent" | "message.deferred" | "message.delivered" | "message.bounced" | "message.failed" | "message.unknown" | "message.complained" | "message.suppressed" | "message.cancelled" | "message.unsubscribed" | "suppression.added" | "suppression.removed" | "webhook.disabled")[];
  description: string;
  /** `failing`: its last try did not succeed. `disabled`: nothing is sent until it is enabled. */
  status: "active" | "failing" | "disabled";
  created_at: string;
  failing_since: string | null;
  disabled_at: string | null;
  /** `gone`: it answered 410. `failing`: no try succeeded for five days. */
  disabled_reason: "gone" | "failing" | null;
};

export type WebhookChange = {
  /** Where events are posted to, by https or http. */
  url?: string | undefined;
  /** Event types, or `["*"]` for all. */
  events?: ("*" | "message.accepted" | "message.scheduled" | "message.rescheduled" | "message.retried" | "message.sent" | "message.deferred" | "message.delivered" | "message.bounced" | "message.failed" | "message.unknown" | "message.complained" | "message.suppressed" | "message.cancelled" | "message.unsubscribed" | "suppression.added" | "suppression.removed" | "webhook.disabled")[] | undefined;
  description?: string | undefined;
};

/** One event on its way to one webhook. */
export type WebhookDelivery = {
  id: string;
  event_id: string;
  type: "message.accepted" | "message.scheduled" | "message.rescheduled" | "message.retried" | "message.sent" | "message.deferred" | "message.delivered" | "message.bounced" | "message.failed" | "message.unknown" | "message.complained" | "message.suppressed" | "message.cancelled" | "message.unsubscribed" | "suppression.added" | "suppression.removed" | "webhook.disabled";
  event_at: string;
  /** `pending`: it waits for its next try, or is being tried. */
  status: "pending" | "succeeded" | "failed";
  attempts: number;
  next_attempt_at: string | null;
  /** Made up by `/test`; in no event log. */
  test: boolean;
  /** The last ones, oldest first. */
  tries: ({
    at: string;
    /** The HTTP status of the answer; null when there was none. */
    status: number | null;
    error: string | null;
    duration_ms: number;
    /** The beginning of the newest answer. */
    response_snippet: string | null;
  })[];
};

export type WebhookRequest = {
  /** Where events are posted to, by https or http. */
  url: string;
  /** Event types, or `["*"]` for all. */
  events: ("*" | "message.accepted" | "message.scheduled" | "message.rescheduled" | "message.retried" | "message.sent" | "message.deferred" | "message.delivered" | "message.bounced" | "message.failed" | "message.unknown" | "message.complained" | "message.suppressed" | "message.cancelled" | "message.unsubscribed" | "suppression.added" | "suppression.removed" | "webhook.disabled")[];
  description?: string | undefined;
};

export type WebhookWithSecret = {
  id: string;
  url: string;
  events: ("*" | "message.accepted" | "message.scheduled" | "message.rescheduled" | "message.retried" | "message.sent" | "message.deferred" | "message.delivered" | "message.bounced" | "message.failed" | "message.unknown" | "message.complained" | "message.suppressed" | "message.cancelled" | "message.unsubscribed" | "suppression.added" | "suppression.removed" | "webhook.disabled")[];
  description: string;
  /** `failing`: its last try did not succeed. `disabled`: nothing is sent until it is enabled. */
  status: "active" | "failing" | "disabled";
  created_at: string;
  failing_since: string | null;
  disabled_at: string | null;
  /** `gone`: it answered 410. `failing`: no try succeeded for five days. */
  disabled_reason: "gone" | "failing" | null;
  /** Signs the requests (Standard Webhooks). Shown only now. */
  secret: string;
};

/** What each operation takes, and its answer when all is well. */
export type Operations = {
  createMessage: {
    path: undefined;
    query: {
      /** All of acceptance but the storing; answers 200. */
      dry_run?: boolean | undefined;
    };
    body: SendRequest;
    answer: DryRun | Message;
  };
  listMessages: {
    path: undefined;
    query: {
      /** Entries at most. */
      limit?: number | undefined;
      /** `next_cursor` of the page before. */
      after?: string | undefined;
      /** Any recipient's. */
      status?: "scheduled" | "queued" | "sending" | "deferred" | "sent" | "delivered" | "bounced" | "complained" | "failed" | "unknown" | "suppressed" | "cancelled" | undefined;
      /** An address; with `status`, of the same recipient. */
      recipient?: string | undefined;
      tag?: string | undefined;
      /** The sender's address. */
      from?: string | undefined;
      created_after?: string | undefined;
      created_before?: string | undefined;
    };
    body: undefined;
    answer: {
      data: Message[];
      has_more: boolean;
      next_cursor: string | null;
    };
  };
  createBatch: {
    path: undefined;
    query: undefined;
    body: BatchRequest;
    answer: {
      data: ({
        index: number;
        id: string;
      } | {
        index: number;
        error: Problem;
      })[];
    };
  };
  createRawMessage: {
    path: undefined;
    query: {
      /** All of acceptance but the storing; answers 200. */
      dry_run?: boolean | undefined;
    };
    body: RawRequest;
    answer: DryRun | Message;
  };
  getMessage: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: Message;
  };
  updateMessage: {
    path: {
      id: string;
    };
    query: undefined;
    body: MessageChange;
    answer: Message;
  };
  cancelMessage: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: Message;
  };
  retryMessage: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: Message;
  };
  listMessageEvents: {
    path: {
      id: string;
    };
    query: {
      /** Entries at most. */
      limit?: number | undefined;
      /** `next_cursor` of the page before, or the id of the last event that you have. */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      data: Event[];
      has_more: boolean;
      next_cursor: string | null;
    };
  };
  listMessageAttempts: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: {
      data: Attempt[];
      has_more: boolean;
      next_cursor: string | null;
    };
  };
  getMessageContent: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: string;
  };
  listEvents: {
    path: undefined;
    query: {
      /** Entries at most. */
      limit?: number | undefined;
      /** `next_cursor` of the page before, or the id of the last event that you have. */
      after?: string | undefined;
      /** Only events of these types; several by commas or by repeating the parameter. */
      type?: ("message.accepted" | "message.scheduled" | "message.rescheduled" | "message.retried" | "message.sent" | "message.deferred" | "message.delivered" | "message.bounced" | "message.failed" | "message.unknown" | "message.complained" | "message.suppressed" | "message.cancelled" | "message.unsubscribed" | "suppression.added" | "suppression.removed" | "webhook.disabled")[] | undefined;
    };
    body: undefined;
    answer: {
      data: Event[];
      has_more: boolean;
      next_cursor: string | null;
    };
  };
  streamEvents: {
    path: undefined;
    query: {
      /** Id of the last event that you have. */
      after?: string | undefined;
      /** Only events of these types; several by commas or by repeating the parameter. */
      type?: ("message.accepted" | "message.scheduled" | "message.rescheduled" | "message.retried" | "message.sent" | "message.deferred" | "message.delivered" | "message.bounced" | "message.failed" | "message.unknown" | "message.complained" | "message.suppressed" | "message.cancelled" | "message.unsubscribed" | "suppression.added" | "suppression.removed" | "webhook.disabled")[] | undefined;
    };
    body: undefined;
    answer: string;
  };
  getStats: {
    path: undefined;
    query: {
      /** From the step that holds this time on; an hour ago by default, 48 hours at most. */
      since?: string | undefined;
      /** How long a step is. */
      step?: "1m" | "5m" | "15m" | "1h" | undefined;
    };
    body: undefined;
    answer: Stats;
  };
  listSuppressions: {
    path: undefined;
    query: {
      /** Entries at most. */
      limit?: number | undefined;
      /** `next_cursor` of the page before. */
      after?: string | undefined;
      reason?: "manual" | "bounce" | "unsubscribe" | "complaint" | undefined;
      /** Only those of this mailing list. */
      list?: string | undefined;
      /** What the address begins with; case does not matter. The page is then in the order of the addresses. */
      address?: string | undefined;
    };
    body: undefined;
    answer: {
      data: Suppression[];
      has_more: boolean;
      next_cursor: string | null;
    };
  };
  createSuppression: {
    path: undefined;
    query: undefined;
    body: SuppressionRequest;
    answer: Suppression;
  };
  importSuppressions: {
    path: undefined;
    query: undefined;
    body: string;
    answer: SuppressionImport;
  };
  exportSuppressions: {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: string;
  };
  getSuppression: {
    path: {
      /** An address like `ada@example.net`; case does not matter. */
      address: string;
    };
    query: {
      /** The suppression of this mailing list's mail alone; without it, that of all mail. */
      list?: string | undefined;
    };
    body: undefined;
    answer: Suppression;
  };
  deleteSuppression: {
    path: {
      /** An address like `ada@example.net`; case does not matter. */
      address: string;
    };
    query: {
      /** The suppression of this mailing list's mail alone; without it, that of all mail. */
      list?: string | undefined;
    };
    body: undefined;
    answer: undefined;
  };
  createWebhook: {
    path: undefined;
    query: undefined;
    body: WebhookRequest;
    answer: WebhookWithSecret;
  };
  listWebhooks: {
    path: undefined;
    query: {
      /** Entries at most. */
      limit?: number | undefined;
      /** `next_cursor` of the page before. */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      data: Webhook[];
      has_more: boolean;
      next_cursor: string | null;
    };
  };
  getWebhook: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: Webhook;
  };
  updateWebhook: {
    path: {
      id: string;
    };
    query: undefined;
    body: WebhookChange;
    answer: Webhook;
  };
  deleteWebhook: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: undefined;
  };
  enableWebhook: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: Webhook;
  };
  rotateWebhookSecret: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: WebhookWithSecret;
  };
  testWebhook: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: WebhookDelivery;
  };
  replayWebhook: {
    path: {
      id: string;
    };
    query: undefined;
    body: ReplayRequest;
    answer: Replay;
  };
  listWebhookDeliveries: {
    path: {
      id: string;
    };
    query: {
      /** Entries at most. */
      limit?: number | undefined;
      /** `next_cursor` of the page before. */
      after?: string | undefined;
      status?: "pending" | "succeeded" | "failed" | undefined;
    };
    body: undefined;
    answer: {
      data: WebhookDelivery[];
      has_more: boolean;
      next_cursor: string | null;
    };
  };
  getWebhookDelivery: {
    path: {
      id: string;
      delivery_id: string;
    };
    query: undefined;
    body: undefined;
    answer: WebhookDelivery;
  };
  replayWebhookDelivery: {
    path: {
      id: string;
      delivery_id: string;
    };
    query: undefined;
    body: undefined;
    answer: WebhookDelivery;
  };
  createBounce: {
    path: undefined;
    query: undefined;
    body: string;
    answer: Report;
  };
  listBounces: {
    path: undefined;
    query: {
      /** Entries at most. */
      limit?: number | undefined;
      /** `next_cursor` of the page before. */
      after?: string | undefined;
      status?: "pending" | "processed" | "unmatched" | "unparsed" | undefined;
      /** `bounce`: somebody was refused for good. `delayed`: time is the trouble; `action` says whether it is still tried (`delayed`) or was given up (`failed`). */
      kind?: "bounce" | "complaint" | "unsubscribe" | "auto_reply" | "delayed" | "delivered" | "none" | undefined;
      source?: "smtp" | "http" | "ses" | "sendgrid" | "postmark" | "mailgun" | undefined;
    };
    body: undefined;
    answer: {
      data: Report[];
      has_more: boolean;
      next_cursor: string | null;
    };
  };
  getBounce: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: ReportWithContent;
  };
  receiveSesNotification: {
    path: undefined;
    query: undefined;
    body: SesNotification;
    answer: NotificationsTaken;
  };
  receiveSendgridNotification: {
    path: undefined;
    query: undefined;
    body: SendgridNotification;
    answer: NotificationsTaken;
  };
  receivePostmarkNotification: {
    path: undefined;
    query: undefined;
    body: PostmarkNotification;
    answer: NotificationsTaken;
  };
  receiveMailgunNotification: {
    path: undefined;
    query: undefined;
    body: MailgunNotification;
    answer: NotificationsTaken;
  };
  classify: {
    path: undefined;
    query: undefined;
    body: ClassifyRequest;
    answer: ReplyClassification | ReportClassification;
  };
  listKeys: {
    path: undefined;
    query: {
      /** Entries at most. */
      limit?: number | undefined;
      /** `next_cursor` of the page before. */
      after?: string | undefined;
      /** For operators: another tenant's keys. */
      tenant?: string | undefined;
    };
    body: undefined;
    answer: {
      data: Key[];
      has_more: boolean;
      next_cursor: string | null;
    };
  };
  createKey: {
    path: undefined;
    query: undefined;
    body: KeyRequest;
    answer: NewKey;
  };
  getCallersKey: {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: OwnKey;
  };
  getKey: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: Key;
  };
  deleteKey: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: undefined;
  };
  listRelays: {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: {
      data: Relay[];
      has_more: boolean;
      next_cursor: string | null;
    };
  };
  pauseRelay: {
    path: {
      name: string;
    };
    query: undefined;
    body: undefined;
    answer: Relay;
  };
  resumeRelay: {
    path: {
      name: string;
    };
    query: undefined;
    body: undefined;
    answer: Relay;
  };
  listCaptured: {
    path: undefined;
    query: {
      /** Entries at most. */
      limit?: number | undefined;
      /** `next_cursor` of the page before. */
      after?: string | undefined;
    };
    body: undefined;
    answer: {
      data: CapturedMessage[];
      has_more: boolean;
      next_cursor: string | null;
    };
  };
  getCaptured: {
    path: {
      id: string;
    };
    query: undefined;
    body: undefined;
    answer: CapturedMessageWithContent;
  };
  livez: {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: {
      status: "live";
    };
  };
  readyz: {
    path: undefined;
    query: undefined;
    body: undefined;
    answer: {
      status: "ready";
      checks: Checks;
    };
  };
};

export const places = {
  createMessage: { method: "POST", path: "/v1/messages", takesIdempotencyKey: true },
  listMessages: { method: "GET", path: "/v1/messages", takesIdempotencyKey: false },
  createBatch: { method: "POST", path: "/v1/messages/batch", takesIdempotencyKey: true },
  createRawMessage: { method: "POST", path: "/v1/messages/raw", takesIdempotencyKey: true },
  getMessage: { method: "GET", path: "/v1/messages/{id}", takesIdempotencyKey: false },
  updateMessage: { method: "PATCH", path: "/v1/messages/{id}", takesIdempotencyKey: false },
  cancelMessage: { method: "POST", path: "/v1/messages/{id}/cancel", takesIdempotencyKey: false },
  retryMessage: { method: "POST", path: "/v1/messages/{id}/retry", takesIdempotencyKey: false },
  listMessageEvents: { method: "GET", path: "/v1/messages/{id}/events", takesIdempotencyKey: false },
  listMessageAttempts: { method: "GET", path: "/v1/messages/{id}/attempts", takesIdempotencyKey: false },
  getMessageContent: { method: "GET", path: "/v1/messages/{id}/content", takesIdempotencyKey: false },
  listEvents: { method: "GET", path: "/v1/events", takesIdempotencyKey: false },
  streamEvents: { method: "GET", path: "/v1/events/stream", takesIdempotencyKey: false },
  getStats: { method: "GET", path: "/v1/stats", takesIdempotencyKey: false },
  listSuppressions: { method: "GET", path: "/v1/suppressions", takesIdempotencyKey: false },
  createSuppression: { method: "POST", path: "/v1/suppressions", takesIdempotencyKey: false },
  importSuppressions: { method: "POST", path: "/v1/suppressions/import", takesIdempotencyKey: false },
  exportSuppressions: { method: "GET", path: "/v1/suppressions/export", takesIdempotencyKey: false },
  getSuppression: { method: "GET", path: "/v1/suppressions/{address}", takesIdempotencyKey: false },
  deleteSuppression: { method: "DELETE", path: "/v1/suppressions/{address}", takesIdempotencyKey: false },
  createWebhook: { method: "POST", path: "/v1/webhooks", takesIdempotencyKey: false },
  listWebhooks: { method: "GET", path: "/v1/webhooks", takesIdempotencyKey: false },
  getWebhook: { method: "GET", path: "/v1/webhooks/{id}", takesIdempotencyKey: false },
  updateWebhook: { method: "PATCH", path: "/v1/webhooks/{id}", takesIdempotencyKey: false },
  deleteWebhook: { method: "DELETE", path: "/v1/webhooks/{id}", takesIdempotencyKey: false },
  enableWebhook: { method: "POST", path: "/v1/webhooks/{id}/enable", takesIdempotencyKey: false },
  rotateWebhookSecret: { method: "POST", path: "/v1/webhooks/{id}/rotate_secret", takesIdempotencyKey: false },
  testWebhook: { method: "POST", path: "/v1/webhooks/{id}/test", takesIdempotencyKey: false },
  replayWebhook: { method: "POST", path: "/v1/webhooks/{id}/replay", takesIdempotencyKey: false },
  listWebhookDeliveries: { method: "GET", path: "/v1/webhooks/{id}/deliveries", takesIdempotencyKey: false },
  getWebhookDelivery: { method: "GET", path: "/v1/webhooks/{id}/deliveries/{delivery_id}", takesIdempotencyKey: false },
  replayWebhookDelivery: { method: "POST", path: "/v1/webhooks/{id}/deliveries/{delivery_id}/replay", takesIdempotencyKey: false },
  createBounce: { method: "POST", path: "/v1/bounces", takesIdempotencyKey: false },
  listBounces: { method: "GET", path: "/v1/bounces", takesIdempotencyKey: false },
  getBounce: { method: "GET", path: "/v1/bounces/{id}", takesIdempotencyKey: false },
  receiveSesNotification: { method: "POST", path: "/v1/inbound/ses", takesIdempotencyKey: false },
  receiveSendgridNotification: { method: "POST", path: "/v1/inbound/sendgrid", takesIdempotencyKey: false },
  receivePostmarkNotification: { method: "POST", path: "/v1/inbound/postmark", takesIdempotencyKey: false },
  receiveMailgunNotification: { method: "POST", path: "/v1/inbound/mailgun", takesIdempotencyKey: false },
  classify: { method: "POST", path: "/v1/classify", takesIdempotencyKey: false },
  listKeys: { method: "GET", path: "/v1/keys", takesIdempotencyKey: false },
  createKey: { method: "POST", path: "/v1/keys", takesIdempotencyKey: false },
  getCallersKey: { method: "GET", path: "/v1/keys/self", takesIdempotencyKey: false },
  getKey: { method: "GET", path: "/v1/keys/{id}", takesIdempotencyKey: false },
  deleteKey: { method: "DELETE", path: "/v1/keys/{id}", takesIdempotencyKey: false },
  listRelays: { method: "GET", path: "/v1/relays", takesIdempotencyKey: false },
  pauseRelay: { method: "POST", path: "/v1/relays/{name}/pause", takesIdempotencyKey: false },
  resumeRelay: { method: "POST", path: "/v1/relays/{name}/resume", takesIdempotencyKey: false },
  listCaptured: { method: "GET", path: "/v1/captured", takesIdempotencyKey: false },
  getCaptured: { method: "GET", path: "/v1/captured/{id}", takesIdempotencyKey: false },
  livez: { method: "GET", path: "/livez", takesIdempotencyKey: false },
  readyz: { method: "GET", path: "/readyz", takesIdempotencyKey: false },
} as const;
