// The bound on open messages: what the ledger is asked to hold, and what a caller is told who has reached it.
import type { MessageRecord } from "../domain/message.ts";
import { type QuotaHolder, type Quotas, quotasOf } from "../domain/quotas.ts";
import type { Refusal } from "../domain/refusals.ts";
import type { QueuedMax } from "../store/storing.ts";

/** How fast a queue empties is for the relays to say. */
const retryAfterSeconds = 5;

/** How many open messages the message's own key and tenant may have. */
export function queuedMaxOf(quotas: Quotas, { key_id, tenant }: Pick<MessageRecord, "key_id" | "tenant">): QueuedMax {
  const { key, tenant: all } = quotasOf(quotas, { keyId: key_id, tenant });
  return { ...(key.queued !== undefined && { key: key.queued }), ...(all.queued !== undefined && { tenant: all.queued }) };
}

/** A 429 for whom the message would have been one too many. */
export function queueFull(holder: QuotaHolder, most: QueuedMax): Refusal {
  return {
    refused: "queue_full",
    detail: `This ${holder} has as many open messages as it may have (${most[holder]}); nothing was changed. Try again when some of them are settled.`,
    retryAfterSeconds,
  };
}
