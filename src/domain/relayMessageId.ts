// What a provider calls a message that it took: it says so in its reply to the final dot, and in every notification.
import { createHash } from "node:crypto";
import type { NotificationProvider } from "./notification.ts";
import type { Reply } from "./reply.ts";

/** Where each provider's reply has it; Mailgun's has none, but it names our own Message-ID. */
const wordings: readonly { provider: NotificationProvider; text: RegExp; example: string }[] = [
  {
    provider: "ses",
    text: /^Ok ([0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-[0-9]{6})$/i,
    example: "250 Ok 0102018d5f3a4b6c-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-000000",
  },
  { provider: "sendgrid", text: /^Ok: queued as ([\w-]{16,64})$/i, example: "250 Ok: queued as bdT3qimVR7SSpBEKunexIg" },
  {
    provider: "postmark",
    text: /(?<![\w-])([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?![\w-])/i,
    example: "250 2.0.0 OK 883953f4-6105-42a2-a16a-77a8eac79483",
  },
];

/** By what the store finds an id again: 96 bits, for what a provider sends may be long. */
export function relayMessageDigest(relayMessageId: string): string {
  return createHash("sha256").update(relayMessageId).digest().subarray(0, 12).toString("base64url");
}

/** What the message is called by one of these providers, in the reply of a relay that took it; undefined where it does not say so. */
export function relayMessageIdIn({ text }: Pick<Reply, "text">, providers: readonly NotificationProvider[]): string | undefined {
  const bounded = text.slice(0, 200).trim();
  for (const { provider, text: wording } of wordings) {
    const found = providers.includes(provider) ? wording.exec(bounded)?.[1] : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
