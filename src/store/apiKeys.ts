// API keys in the store: digests only, never a secret.
import type { ApiKey } from "../domain/keys.ts";
import type { Connection } from "./connection.ts";

export function createApiKeys({ redis, keys }: Connection) {
  const parse = (text: string | null | undefined) => (text ? (JSON.parse(text) as ApiKey) : undefined);
  return {
    /** A key by its id, whoever owns it. */
    async find(id: string): Promise<ApiKey | undefined> {
      return parse(await redis.get(keys.key(id)));
    },

    /** A tenant's keys, newest first. `after` is the id of the last one of the page before. */
    async list(tenant: string, limit: number, after?: string): Promise<{ keys: ApiKey[]; hasMore: boolean }> {
      const rank = after === undefined ? null : await redis.zrevrank(keys.tenantKeys(tenant), after);
      const start = rank === null ? 0 : rank + 1;
      const ids = await redis.zrevrange(keys.tenantKeys(tenant), start, start + limit);
      const found = ids.length > 0 ? await redis.mget(ids.slice(0, limit).map((id) => keys.key(id))) : [];
      return { keys: found.flatMap((text) => parse(text) ?? []), hasMore: ids.length > limit };
    },

    async add(key: ApiKey): Promise<void> {
      await redis
        .multi()
        .set(keys.key(key.id), JSON.stringify(key))
        .zadd(keys.tenantKeys(key.tenant), key.created_at, key.id)
        .sadd(keys.tenants, key.tenant)
        .exec();
    },

    /** Ends a tenant's key at once. False if there is none of that id. */
    async remove(tenant: string, id: string): Promise<boolean> {
      const removed = await redis.zrem(keys.tenantKeys(tenant), id);
      if (removed === 0) return false;
      await redis.del(keys.key(id));
      return true;
    },

    /** All tenants that a key was ever made for, and `default`. */
    async tenants(): Promise<string[]> {
      return [...new Set(["default", ...(await redis.smembers(keys.tenants))])];
    },
  };
}

export type ApiKeys = ReturnType<typeof createApiKeys>;
