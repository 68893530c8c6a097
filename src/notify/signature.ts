// The headers by which a receiver knows that a request is ours (Standard Webhooks, "Webhook headers").
import { Webhook } from "standardwebhooks";
import type { StoredWebhook } from "../store/webhooks.ts";

/**
 * Signs the very bytes that are sent, with every secret that counts at `now` (ms): the current one and those rotated of late.
 * @param id the same for every try and replay of one event, so that a receiver can tell a double
 */
export function signatureHeaders(
  id: string,
  body: string,
  webhook: Pick<StoredWebhook, "secret" | "previous">,
  now: number,
): Record<string, string> {
  const at = new Date(now);
  const overlapping = (webhook.previous ?? []).filter(({ until }) => until > now).map(({ secret }) => secret);
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now / 1_000)),
    "webhook-signature": [webhook.secret, ...overlapping].map((secret) => new Webhook(secret).sign(id, at, body)).join(" "),
  };
}
