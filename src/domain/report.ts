// A report as the store keeps it: what came in, what was read out of it, and what it changed.
import { type NotificationProvider, notificationProviders } from "./notification.ts";
import type { Category, Reply } from "./reply.ts";

/**
 * `pending`: stored, not read yet. `processed`: read, and it is about a message of ours. `unmatched`: read, but nothing of ours is meant.
 * `unparsed`: nothing could be read out of it.
 */
export const reportStatuses = ["pending", "processed", "unmatched", "unparsed"] as const;

export type ReportStatus = (typeof reportStatuses)[number];

/** How a report came: as mail, handed in by its tenant, or posted by the relay's provider. */
export const reportSources = ["smtp", "http", ...notificationProviders] as const;

export type ReportSource = (typeof reportSources)[number];

/** The provider whose notification it is; undefined where it is a mail. */
export function providerOf(source: ReportSource): NotificationProvider | undefined {
  return notificationProviders.find((provider) => provider === source);
}

/**
 * What a report did to a recipient. `bounced`, `complained`, `delivered`: its new state. `unsubscribed`: it has left. `unchanged`: it says nothing new, or nothing that
 * ends anything (a delay). `not_accepted`: no relay had taken the mail for it. `not_a_recipient`: the message was not for this address.
 * `message_gone`: the message is no longer kept; a suppression may follow all the same.
 */
export const reportEffects = [
  "bounced",
  "complained",
  "delivered",
  "unsubscribed",
  "unchanged",
  "not_accepted",
  "not_a_recipient",
  "message_gone",
] as const;

export type ReportEffect = (typeof reportEffects)[number];

export type ReportedRecipient = {
  /** The message's recipient where one is meant, else the address as the report has it. */
  address: string;
  action: string;
  category?: Category;
  rule?: string;
  hard_bounce: boolean;
  reply: Reply;
  effect: ReportEffect;
  /** The report led to a suppression, or made one stronger. */
  suppressed: boolean;
};

/** Times are Redis time in milliseconds. */
export type StoredReport = {
  id: string;
  /** Whose it is; of one that leads to nobody, `default`. */
  tenant: string;
  source: ReportSource;
  received_at: number;
  /** Octets as they came; the content that is kept ends at 1 MiB. */
  size: number;
  status: ReportStatus;
  /** How often somebody began to read it. */
  claims: number;
  /** The return path that it was sent to; absent for a report address and for HTTP. */
  return_path?: string;
  message_id?: string;
  kind?: string;
  dialect?: string;
  feedback_type?: string;
  reporting_mta?: string;
  recipients: ReportedRecipient[];
  /** Why it is `unparsed`. */
  fault?: ReportFault;
};

/**
 * `no_report`: it holds none. `crashed`, `timed_out`: it was too much for the parser. `gave_up`: reading it was begun too often without
 * an end. `content_gone`: it ran out before it was read.
 */
export const reportFaults = ["no_report", "crashed", "timed_out", "gave_up", "content_gone"] as const;

export type ReportFault = (typeof reportFaults)[number];
