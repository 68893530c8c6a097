// What the API answers, as far as the dashboard reads it. A test holds these types against the API's own.

export type Page<Item> = { data: Item[]; has_more: boolean; next_cursor: string | null };

export type RecipientStatus =
  | ("scheduled" | "queued" | "sending" | "deferred")
  | ("sent" | "delivered" | "bounced" | "complained" | "failed" | "unknown" | "suppressed" | "cancelled");

export type MessageStatus =
  | ("scheduled" | "in_progress" | "sent" | "delivered" | "bounced" | "complained")
  | ("failed" | "unknown" | "suppressed" | "cancelled" | "partial");

export type Reply = { code: number | null; enhanced: string | null; text: string };

export type Recipient = {
  address: string;
  kind: "to" | "cc" | "bcc";
  status: RecipientStatus;
  attempts: number;
  relay: string | null;
  reply: Reply | null;
  category: string | null;
  hard_bounce: boolean | null;
  advice: string | null;
  suppression: { reason: string; list: string | null; since: string } | null;
  possible_duplicate: boolean;
  next_attempt_at: string | null;
  updated_at: string;
};

export type Message = {
  id: string;
  status: MessageStatus;
  created_at: string;
  send_at: string | null;
  expires_at: string;
  from: string;
  subject: string;
  tags: string[];
  metadata: Record<string, string>;
  lane: "transactional" | "broadcast";
  internet_message_id: string;
  size: number;
  recipients: Recipient[];
};

export type EventData = {
  message_id: string | null;
  recipient: string | null;
  status: RecipientStatus | null;
  attempt: number | null;
  relay: string | null;
  reply: Reply | null;
  category: string | null;
  advice: string | null;
  possible_duplicate: boolean;
};

export type Event = { id: string; type: string; timestamp: string; data: EventData };

export type AttemptOutcome = "accepted" | "refused" | "try_later" | "not_sent" | "in_doubt";

export type Attempt = {
  attempt: number;
  relay: string;
  started_at: string;
  duration_ms: number;
  remote_address: string | null;
  connection_reused: boolean | null;
  tls: { version: string; cipher: string } | null;
  recipients: {
    address: string | null;
    outcome: AttemptOutcome;
    reply: { code: number; enhanced?: string | undefined; text: string } | null;
    fault: { phase: string; text: string } | null;
  }[];
  transcript: { from: "client" | "server"; at_ms: number; line: string }[];
};

export type CountedName =
  | ("accepted" | "sent" | "deferred" | "delivered" | "bounced")
  | ("complained" | "failed" | "unknown" | "suppressed" | "cancelled");

export type StatsRow = { at: string } & Record<CountedName, number>;
export type Stats = { step: "1m" | "5m" | "15m" | "1h"; data: StatsRow[]; counted_to: string };

export type Relay = {
  name: string;
  host: string;
  port: number;
  tls: string;
  state: "up" | "suspended" | "paused";
  suspended_until: string | null;
  paused_at: string | null;
  last_error: { at: string; phase: string; code: number | null; text: string } | null;
  connections: { allowed: number; held: number; open: number | null; busy: number | null };
  rates: { messages: number; per_ms: number }[];
  attempts_last_minute: number;
  slowed_to_per_second: number | null;
  queue: { waiting: number; delayed: number; active: number };
  oldest_waiting_at: string | null;
};

export type Webhook = {
  id: string;
  url: string;
  events: string[];
  description: string;
  status: "active" | "failing" | "disabled";
  created_at: string;
  failing_since: string | null;
  disabled_at: string | null;
  disabled_reason: "gone" | "failing" | null;
};

export type WebhookWithSecret = Webhook & { secret: string };

export type DeliveryStatus = "pending" | "succeeded" | "failed";

export type Delivery = {
  id: string;
  event_id: string;
  type: string;
  event_at: string;
  status: DeliveryStatus;
  attempts: number;
  next_attempt_at: string | null;
  test: boolean;
  tries: { at: string; status: number | null; error: string | null; duration_ms: number; response_snippet: string | null }[];
};

export type SuppressionReason = "manual" | "bounce" | "unsubscribe" | "complaint";

export type Suppression = {
  address: string;
  list: string | null;
  reason: SuppressionReason;
  source: string;
  category: string | null;
  created_at: string;
  expires_at: string | null;
  message_id: string | null;
};

export type SuppressionImport = {
  added: number;
  strengthened: number;
  unchanged: number;
  failed: number;
  complete: boolean;
  errors: { line: number; column: string | null; code: string; message: string }[];
};

export type Scope = "send" | "read" | "manage" | "operator";

export type OwnKey = { id: string; name: string; tenant: string; scopes: Scope[]; domains: string[] | null; relays: string[] };
export type Key = OwnKey & { created_at: string };
export type NewKey = Key & { key: string };

export type Captured = {
  id: string;
  received_at: string;
  envelope: { from: string; to: string[] };
  from: string;
  subject: string;
  size: number;
};
export type CapturedWhole = Captured & { headers: { name: string; value: string }[]; raw: string };

export type Fault = {
  pointer?: string | undefined;
  parameter?: string | undefined;
  header?: string | undefined;
  code: string;
  message: string;
};
export type Problem = { title: string; status: number; detail: string; code: string; errors?: Fault[] | undefined };
