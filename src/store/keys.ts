// Every Redis key's name. All carry the hash tag of their shard, so that one script's keys lie in one cluster slot.
import type { QuotaHolder } from "../domain/quotas.ts";

/** What all keys of a shard begin with: Redis reckons their slot by what is between the braces. */
export function shardTag(shard: number): string {
  return `{postern:${shard}}`;
}

/** A key of the same shard that never exists. */
export function absentBeside(key: string): string {
  return `${key.slice(0, key.indexOf("}") + 1)}:never`;
}

/** BullMQ's key prefix on a shard; its own keys then carry the hash tag too. */
export function queuePrefix(shard: number): string {
  return `${shardTag(shard)}:queue`;
}

/** The names of a shard's keys. A tenant lives on one shard; the default installation has one, number 0. */
export function keysOf(shard: number) {
  const tag = shardTag(shard);
  return {
    /** string: record, state and newest attempt, a line each; see document.ts */
    message: (messageId: string) => `${tag}:m:${messageId}`,
    /** string: the finished RFC 5322 bytes, or their first chunk */
    bytes: (messageId: string) => `${tag}:b:${messageId}`,
    /** string: a further chunk of the bytes, 1 and up */
    chunk: (messageId: string, index: number) => `${tag}:b:${messageId}:${index}`,
    /** list: the attempts before the newest, the oldest first, as JSON each; see attemptHistory.ts */
    attempts: (messageId: string) => `${tag}:a:${messageId}`,
    /** string: digests of a message's recipients, separated by spaces, where there are several; outlives the message */
    keptRecipients: (messageId: string) => `${tag}:kr:${messageId}`,
    /** string: message id by the digest of what the relay's provider calls the message */
    relayMessage: (digest: string) => `${tag}:rm:${digest}`,
    /** string: digest of what a token of Mailgun's signed, so that it signs nothing else */
    mailgunToken: (digest: string) => `${tag}:mt:${digest}`,
    /** sorted set: message id by time of acceptance */
    tenantMessages: (tenant: string) => `${tag}:t:${tenant}:messages`,
    /** string: fingerprint and first answer, or a claim that is in progress */
    idempotency: (tenant: string, digest: string) => `${tag}:i:${tenant}:${digest}`,
    /** sorted set: `<message id> <tenant>:<key id>` by deadline; a message is in it while a recipient is open */
    open: `${tag}:open`,
    /**
     * hash, counts: of a relay's dispatches `open <relay>`, and of them `claimed <relay>`; of open messages `of <tenant>` and
     * `of <tenant>:<key id>`. The scripts know it by the name of `open`
     */
    work: `${tag}:open:work`,
    /** sorted set: a relay's dispatches that were put off, by the time (ms) when they are due; likewise */
    later: (relay: string) => `${tag}:open:later:${relay}`,
    /** hash: how far the requests of a key or tenant have used up their rates */
    requests: (holder: QuotaHolder, id: string) => `${tag}:requests:${holder}:${id}`,
    /** sorted set: wake-up id by the time when it became due to be queued; removed when the queue has taken it */
    unconfirmed: `${tag}:unconfirmed`,
    /** sorted set: owner id by the time when it was last heard of */
    owners: `${tag}:owners`,
    /** string: the dispatch that goes alone, as its workers may have died of it; JSON { name, owner, claimed_at } */
    alone: `${tag}:alone`,
    /** set: relays that dispatches were ever given to */
    relays: `${tag}:relays`,
    /** hash: whether a relay works: faults in a row, suspension, pause, the last error; see relayHealth.ts */
    relayHealth: (relay: string) => `${tag}:relay:${relay}:health`,
    /** hash: when the next message may go to a relay, for each of its limits; see relayPermits.ts */
    relayPace: (relay: string) => `${tag}:relay:${relay}:pace`,
    /** hash: owner by how many of a relay's connections it holds, or of those to one recipient domain */
    relayShare: (relay: string, domain = "") => `${tag}:relay:${relay}:share${domain === "" ? "" : `:${domain}`}`,
    /** stream: the event log; an entry's id is `<sequence>-0` */
    events: `${tag}:events`,
    /** string: sequence number of the newest event */
    sequence: `${tag}:sequence`,
    /** string: sequence number up to which the log is counted in the statistics */
    statsPosition: `${tag}:stats-position`,
    /** hash: what became of a tenant's mail in a quarter of an hour since the epoch: count by `<minute> <name>`; see stats.ts */
    tenantStats: (tenant: string, quarter: number) => `${tag}:t:${tenant}:stats:${quarter}`,
    /** hash: the same of a relay's attempts */
    relayStats: (relay: string, quarter: number) => `${tag}:relay:${relay}:stats:${quarter}`,
    /** string: a word that changes when the log was found to have lost its end */
    lineage: `${tag}:lineage`,
    /** string: written to see whether this Redis takes writes; gone after a second */
    trial: `${tag}:trial`,
    /** string: written before a wait for replicas or the disk */
    barrier: `${tag}:barrier`,
    /** what the names of all tenants' suppression keys begin with: for scripts, which learn the tenant from a message */
    suppressions: `${tag}:x:`,
    /** hash: a suppression as JSON by its address, with `/` and the list behind it where it is of one list only */
    suppressionRows: (tenant: string) => `${tag}:x:${tenant}:rows`,
    /** sorted set: what a suppression is named by in `suppressionRows`, by the time of its addition (microseconds, each its own) */
    suppressionsByTime: (tenant: string) => `${tag}:x:${tenant}:by-time`,
    /** sorted set: the same, all of one score, in the order of the addresses */
    suppressionsByAddress: (tenant: string) => `${tag}:x:${tenant}:by-address`,
    /** sorted set: the same, where a suppression ends, by that time */
    suppressionExpiries: (tenant: string) => `${tag}:x:${tenant}:expiries`,
    /** string: the secrets that sign unsubscribe links, the newest first, as JSON */
    unsubscribeSecrets: `${tag}:unsubscribe-secrets`,
    /** string: a report that came in, as JSON (domain/report.ts) */
    report: (reportId: string) => `${tag}:r:${reportId}`,
    /** string: a report's bytes, gzipped unless they are few */
    reportContent: (reportId: string) => `${tag}:rb:${reportId}`,
    /** sorted set: id of a report that waits to be read, by the time when it is due, or when the lease of whoever reads it ends */
    reportsPending: `${tag}:reports:pending`,
    /** sorted set: `<octets> <report id>` of every kept content, by the time when it runs out */
    reportContents: `${tag}:reports:contents`,
    /** string: octets of all kept contents */
    reportOctets: `${tag}:reports:octets`,
    /** sorted set: report id by time of arrival */
    tenantReports: (tenant: string) => `${tag}:t:${tenant}:reports`,
    /** string: the secret that signs return paths where none is configured, base64 */
    returnPathSecret: `${tag}:return-path-secret`,
    /** string: a relay's access token (OAuth2), by the digest of what it is asked for with; runs out as the token does */
    accessToken: (digest: string) => `${tag}:oauth:${digest}:access`,
    /** string: the newest refresh token that came with it */
    refreshToken: (digest: string) => `${tag}:oauth:${digest}:refresh`,
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
