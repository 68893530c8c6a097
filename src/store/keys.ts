// Every Redis key's name. All carry the hash tag of their shard, so that one script's keys lie in one cluster slot.
import type { QuotaHolder } from "../domain/quotas.ts";

/** BullMQ's key prefix on a shard; its own keys then carry the hash tag too. */
export function queuePrefix(shard: number): string {
  return `{postern:${shard}}:queue`;
}

/** The names of a shard's keys. A tenant lives on one shard; the default installation has one, number 0. */
export function keysOf(shard: number) {
  const tag = `{postern:${shard}}`;
  return {
    /** string: MessageRecord as JSON */
    record: (messageId: string) => `${tag}:m:${messageId}`,
    /** string: MessageState as JSON */
    state: (messageId: string) => `${tag}:s:${messageId}`,
    /** string: the finished RFC 5322 bytes, or their first chunk */
    bytes: (messageId: string) => `${tag}:b:${messageId}`,
    /** string: a further chunk of the bytes, 1 and up */
    chunk: (messageId: string, index: number) => `${tag}:b:${messageId}:${index}`,
    /** list: one JSON object per attempt, with its transcript */
    attempts: (messageId: string) => `${tag}:a:${messageId}`,
    /** sorted set: message id by time of acceptance */
    tenantMessages: (tenant: string) => `${tag}:t:${tenant}:messages`,
    /** string: fingerprint and first answer, or a claim that is in progress */
    idempotency: (tenant: string, digest: string) => `${tag}:i:${tenant}:${digest}`,
    /** sorted set: message id by deadline; a message is in it while a recipient is open */
    open: `${tag}:open`,
    /** sorted set, all of score 0: `<tenant>:<key id>:<message id>` of every message in `open`; the scripts know it by the name of `open` */
    openByOwner: `${tag}:open:by-owner`,
    /** hash: how far the requests of a key or tenant have used up their rates */
    requests: (holder: QuotaHolder, id: string) => `${tag}:requests:${holder}:${id}`,
    /** sorted set: wake-up id by the time when it became due to be queued; removed when the queue has taken it */
    unconfirmed: `${tag}:unconfirmed`,
    /** sorted set: owner id by the time when it was last heard of */
    owners: `${tag}:owners`,
    /** set: relays that dispatches were ever given to */
    relays: `${tag}:relays`,
    /** stream: the event log; an entry's id is `<sequence>-0` */
    events: `${tag}:events`,
    /** string: sequence number of the newest event */
    sequence: `${tag}:sequence`,
    /** string: an API key as JSON */
    key: (keyId: string) => `${tag}:k:${keyId}`,
    /** sorted set: key id by time of creation */
    tenantKeys: (tenant: string) => `${tag}:t:${tenant}:keys`,
    /** set: tenants that keys were made for */
    tenants: `${tag}:tenants`,
    /** string: who does upkeep at the moment */
    upkeep: `${tag}:upkeep`,
    /** string: a webhook as JSON */
    webhook: (webhookId: string) => `${tag}:w:${webhookId}`,
    /** sorted set: webhook id by time of creation */
    tenantWebhooks: (tenant: string) => `${tag}:t:${tenant}:webhooks`,
    /** set: ids of the webhooks that get events, of all tenants: those that are not disabled */
    webhooks: `${tag}:webhooks`,
    /** string: counts the changes of `webhooks` and of what they subscribe to, so that a reader knows when its copy is old */
    webhooksVersion: `${tag}:webhooks:version`,
    /** sorted set: webhook id by the time when one of its deliveries may next be claimed */
    webhooksDue: `${tag}:webhooks:due`,
    /** set: ids of the webhooks whose past events are being replayed */
    webhooksReplaying: `${tag}:webhooks:replaying`,
    /** string: how far a webhook's replay of past events has come, as JSON */
    webhookReplay: (webhookId: string) => `${tag}:w:${webhookId}:replay`,
    /** sorted set: event id of a delivery that waits, by the time when it is due */
    webhookDue: (webhookId: string) => `${tag}:w:${webhookId}:due`,
    /** sorted set: event id of a delivery that is being tried, by the end of its lease */
    webhookLeases: (webhookId: string) => `${tag}:w:${webhookId}:leases`,
    /** sorted set: event id of every delivery by time of the event, for listing */
    webhookDeliveries: (webhookId: string) => `${tag}:w:${webhookId}:deliveries`,
    /** string: one event's delivery to one webhook with its tries, as JSON */
    delivery: (webhookId: string, eventId: string) => `${tag}:wd:${webhookId}:${eventId}`,
  };
}

export type Keys = ReturnType<typeof keysOf>;
