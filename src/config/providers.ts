// Ready-made relays: what is publicly known of providers, so that `provider: ses` and a login are enough. Whatever the configuration says
// itself counts more. Limits that depend on the customer's plan are not here.
import type { Rate, RelayConfig } from "../domain/relay.ts";

const megabyte = 1024 ** 2;

export type Provider = {
  /** `{region}` is replaced by the region. */
  host: string;
  port: 587 | 465;
  /** Other hosts by region, beside the default one; or that a region must be named. */
  regions?: { hosts: Readonly<Record<string, string>> } | "required";
  connections?: number;
  limits?: { rate?: Rate[]; messages_per_connection?: number; recipients_per_transaction?: number; max_message_size?: number };
  /** `from`: a foreign envelope sender is refused, or replaced by the provider's own. */
  returnPath?: RelayConfig["returnPath"];
  rewrites?: readonly string[];
  /** Whose OAuth2 it is. */
  tokens?: "google" | "microsoft";
};

export const providers: Readonly<Record<string, Provider>> = {
  // It refuses a sender that is no verified identity, and replaces Date and Message-ID.
  ses: {
    host: "email-smtp.{region}.amazonaws.com",
    port: 587,
    regions: "required",
    limits: { recipients_per_transaction: 50, max_message_size: 40 * megabyte },
    returnPath: "from",
    rewrites: ["date", "message-id"],
  },
  sendgrid: {
    host: "smtp.sendgrid.net",
    port: 587,
    regions: { hosts: { eu: "smtp.eu.sendgrid.net" } },
    limits: { messages_per_connection: 5_000, recipients_per_transaction: 1_000, max_message_size: 30 * megabyte },
    returnPath: "from",
  },
  // It makes a message of its own of what it gets, with a Message-ID of its own.
  postmark: {
    host: "smtp.postmarkapp.com",
    port: 587,
    limits: { recipients_per_transaction: 50, max_message_size: 10 * megabyte },
    returnPath: "from",
    rewrites: ["message-id"],
  },
  mailgun: {
    host: "smtp.mailgun.org",
    port: 587,
    regions: { hosts: { eu: "smtp.eu.mailgun.org" } },
    limits: { recipients_per_transaction: 1_000, max_message_size: 25 * megabyte },
    returnPath: "from",
  },
  gmail: {
    host: "smtp.gmail.com",
    port: 587,
    limits: { recipients_per_transaction: 100, max_message_size: 25 * megabyte },
    returnPath: "from",
    tokens: "google",
  },
  google_workspace: {
    host: "smtp-relay.gmail.com",
    port: 587,
    limits: { recipients_per_transaction: 100, max_message_size: 25 * megabyte },
    returnPath: "from",
    tokens: "google",
  },
  office365: {
    host: "smtp.office365.com",
    port: 587,
    connections: 3,
    limits: { rate: [{ count: 30, perMs: 60_000 }], recipients_per_transaction: 500 },
    returnPath: "from",
    tokens: "microsoft",
  },
  outlook: { host: "smtp-mail.outlook.com", port: 587, connections: 3, returnPath: "from", tokens: "microsoft" },
  brevo: { host: "smtp-relay.brevo.com", port: 587, limits: { max_message_size: 20 * megabyte }, returnPath: "from" },
  mailjet: {
    host: "in-v3.mailjet.com",
    port: 587,
    limits: { recipients_per_transaction: 50, max_message_size: 15 * megabyte },
    returnPath: "from",
  },
  sparkpost: {
    host: "smtp.sparkpostmail.com",
    port: 587,
    regions: { hosts: { eu: "smtp.eu.sparkpostmail.com" } },
    limits: { max_message_size: 20 * megabyte },
    returnPath: "from",
  },
  mandrill: { host: "smtp.mandrillapp.com", port: 587, limits: { max_message_size: 25 * megabyte }, returnPath: "from" },
  resend: {
    host: "smtp.resend.com",
    port: 465,
    limits: { recipients_per_transaction: 50, max_message_size: 40 * megabyte },
    returnPath: "from",
  },
  mailersend: { host: "smtp.mailersend.net", port: 587, limits: { max_message_size: 25 * megabyte }, returnPath: "from" },
  mailtrap: { host: "live.smtp.mailtrap.io", port: 587, returnPath: "from" },
  smtp2go: { host: "mail.smtp2go.com", port: 587, limits: { max_message_size: 50 * megabyte }, returnPath: "from" },
  elastic_email: { host: "smtp.elasticemail.com", port: 465, returnPath: "from" },
  fastmail: { host: "smtp.fastmail.com", port: 465, returnPath: "from" },
  icloud: { host: "smtp.mail.me.com", port: 587, limits: { max_message_size: 20 * megabyte }, returnPath: "from" },
  infomaniak: { host: "mail.infomaniak.com", port: 587, returnPath: "from" },
  yahoo: { host: "smtp.mail.yahoo.com", port: 465, limits: { max_message_size: 25 * megabyte }, returnPath: "from" },
  zoho: {
    host: "smtp.zoho.com",
    port: 465,
    regions: { hosts: { eu: "smtp.zoho.eu", in: "smtp.zoho.in", au: "smtp.zoho.com.au", jp: "smtp.zoho.jp" } },
    returnPath: "from",
  },
};

/** The host of a provider in a region (undefined: none was named), or what is wrong with the region. */
export function providerHost({ host, regions }: Provider, region: string | undefined): { host: string } | { fault: string } {
  if (regions === "required") {
    if (region === undefined) return { fault: "is needed for this provider: set it, like eu-west-1" };
    if (!/^[a-z]{2}(?:-[a-z]+)+-\d$/.test(region)) return { fault: "must be a region like eu-west-1" };
    return { host: host.replace("{region}", region) };
  }
  if (region === undefined) return { host };
  if (!regions) return { fault: "this provider has no regions: leave it out" };
  const found = Object.hasOwn(regions.hosts, region) ? regions.hosts[region] : undefined;
  return found === undefined
    ? { fault: `must be one of ${Object.keys(regions.hosts).join(", ")}, or be left out for this provider` }
    : { host: found };
}
