// Why an operation on webhooks is refused.
import type { Refusal } from "../../domain/refusals.ts";
import { checkWebhookUrl, type WebhookTargets } from "../../domain/webhookUrl.ts";

export const noSuchWebhook: Refusal = { refused: "not_found", detail: "There is no webhook with this id." };

export const noSuchDelivery: Refusal = { refused: "not_found", detail: "There is no delivery with this id at this webhook, or no longer." };

export const disabled: Refusal = {
  refused: "too_late",
  detail: "The webhook is disabled; enable it first (POST /v1/webhooks/{id}/enable).",
};

export const tooMany: Refusal = {
  refused: "invalid_request",
  detail: "The tenant has as many webhooks as it may; delete one that nobody needs.",
  errors: [{ pointer: "", code: "too_many_webhooks", message: "is one webhook too many" }],
};

/** Refuses a URL that a webhook may not point to; undefined if it may. */
export function refusedUrl(url: string, targets: WebhookTargets): Refusal | undefined {
  const message = checkWebhookUrl(url, targets);
  if (message === undefined) return undefined;
  return { refused: "invalid_request", detail: message, errors: [{ pointer: "/url", code: "invalid_url", message }] };
}
