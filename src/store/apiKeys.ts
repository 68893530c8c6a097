// API keys in the store: digests only, never a secret.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ApiKey } from "../domain/keys.ts";
import type { Connection } from "./connection.ts";
import { cursorOf, placeOf, readNewestFirst } from "./newestFirst.ts";

export function createApiKeys({ redis, keys }: Connection) {
  const parse = (text: string | null | undefined) => (text ? (JSON.parse(text) as ApiKey) : undefined);
  type Look = { ids: Set<string>; found: Promise<Map<string, ApiKey | undefined>> };
  let next: Look | undefined;

  /** One command for all who ask in the same turn of the event loop. Nothing is remembered: a key that was revoked opens nothing any more. */
  function look(): Look {
    const ids = new Set<string>();
    const found = nextTurn().then(async () => {
      // Whoever asks from here on is not among these.
      next = undefined;
      const asked = [...ids];
      const texts = await redis.mget(asked.map((id) => keys.key(id)));
      return new Map(asked.map((id, index) => [id, parse(texts[index])]));
    });
    return { ids, found };
  }

  return {
    /** A key by its id, whoever owns it, as it is after the call. */
    async find(id: string): Promise<ApiKey | undefined> {
      next ??= look();
      next.ids.add(id);
      return (await next.found).get(id);
    },

    /** A page of a tenant's keys, newest first. `cursor` is one that a page returned. */
    async list(tenant: string, limit: number, cursor?: string): Promise<{ keys: ApiKey[]; nextCursor?: string }> {
      const places = await readNewestFirst(redis, keys.tenantKeys(tenant), limit + 1, placeOf(cursor));
      const shown = places.slice(0, limit);
      const found = shown.length > 0 ? await redis.mget(shown.map(({ id }) => keys.key(id))) : [];
      const last = shown.at(-1);
      return {
        keys: found.flatMap((text) => parse(text) ?? []),
        ...(last && places.length > limit && { nextCursor: cursorOf(last) }),
      };
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
      if ((await redis.zscore(keys.tenantKeys(tenant), id)) === null) return false;
      await redis.multi().del(keys.key(id)).zrem(keys.tenantKeys(tenant), id).exec();
      return true;
    },

    /** All tenants that a key was ever made for, and `default`. */
    async tenants(): Promise<string[]> {
      return [...new Set(["default", ...(await redis.smembers(keys.tenants))])];
    },
  };
}

export type ApiKeys = ReturnType<typeof createApiKeys>;
