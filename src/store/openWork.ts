// What is open and on its way: the indexes that upkeep walks. The ledger's scripts keep them; here they are read, and cleared of what is done.
import { parseWakeUpId, type WakeUp, wakeUpId } from "../domain/wakeUp.ts";
import type { Connection } from "./connection.ts";

/** The message of a member of `open`. */
const idOf = (member: string) => member.slice(0, member.indexOf(" "));

/** Dispatches that are open: those whose time has not come, those that are being sent, and all others. */
export type QueueDepth = { waiting: number; delayed: number; active: number };

/** The indexes on one shard. Every function rejects while Redis is away. */
export function createOpenWork({ redis, keys, clock }: Connection) {
  return {
    /** The queue has taken these wake-ups. */
    async confirm(wakeUps: WakeUp[]): Promise<void> {
      if (wakeUps.length > 0) await redis.zrem(keys.unconfirmed, ...wakeUps.map(wakeUpId));
    },

    /** Wake-ups that no queue has confirmed for so long, oldest first. */
    async unconfirmed(olderThanMs: number, limit: number): Promise<WakeUp[]> {
      const ids = await redis.zrangebyscore(keys.unconfirmed, "-inf", clock.now() - olderThanMs, "LIMIT", 0, limit);
      return ids.flatMap((id) => parseWakeUpId(id) ?? []);
    },

    /** Message ids past their deadline, the longest overdue first. */
    async overdue(limit: number): Promise<string[]> {
      return (await redis.zrangebyscore(keys.open, "-inf", clock.now(), "LIMIT", 0, limit)).map(idOf);
    },

    /** Walks all messages with an open recipient. Pass "0" first, then the cursor returned, until it is "0" again. */
    async scanOpen(cursor: string, count: number): Promise<{ cursor: string; messageIds: string[] }> {
      const [next, found] = await redis.zscan(keys.open, cursor, "COUNT", count);
      return { cursor: next, messageIds: found.filter((_, index) => index % 2 === 0).map(idOf) };
    },

    /** How many messages of a tenant, or of one of its keys, are open. */
    async countOpen(tenant: string, keyId?: string): Promise<number> {
      const owner = keyId === undefined ? tenant : `${tenant}:${keyId}`;
      return Number((await redis.hget(keys.work, `of ${owner}`)) ?? 0);
    },

    /** What a relay has to do, in dispatches. */
    async depth(relay: string): Promise<QueueDepth> {
      const counts = redis.hmget(keys.work, `open ${relay}`, `claimed ${relay}`);
      const [[open, claimed], delayed] = await Promise.all([counts, redis.zcount(keys.later(relay), `(${clock.now()}`, "+inf")]);
      const active = Math.max(0, Number(claimed ?? 0));
      return { waiting: Math.max(0, Number(open ?? 0) - active - delayed), delayed, active };
    },

    /** Relays that dispatches were given to since a sweep last found nothing for them. */
    async knownRelays(): Promise<string[]> {
      return redis.smembers(keys.relays);
    },

    async forgetRelay(name: string): Promise<void> {
      await redis.srem(keys.relays, name);
    },
  };
}

export type OpenWork = ReturnType<typeof createOpenWork>;
