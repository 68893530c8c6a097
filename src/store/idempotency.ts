// Claims on an idempotency key by a request of many messages, whose answer takes more than one step.
// A single message's key is claimed by the script that accepts it.
import type { Connection } from "./connection.ts";

export function createIdempotency({ redis, keys }: Connection) {
  return {
    /** The value under a key, or undefined. */
    async find(tenant: string, digest: string): Promise<string | undefined> {
      return (await redis.get(keys.idempotency(tenant, digest))) ?? undefined;
    },

    /** Claims a key for `lifeMs`; returns undefined when it was free, else the value that stands there. */
    async claim(tenant: string, digest: string, value: string, lifeMs: number): Promise<string | undefined> {
      for (;;) {
        if (await redis.set(keys.idempotency(tenant, digest), value, "PX", lifeMs, "NX")) return undefined;
        const standing = await redis.get(keys.idempotency(tenant, digest));
        if (standing !== null) return standing;
      }
    },

    /** Puts the answer in the claim's place. */
    async complete(tenant: string, digest: string, value: string, lifeMs: number): Promise<void> {
      await redis.set(keys.idempotency(tenant, digest), value, "PX", lifeMs);
    },

    /** Gives a claim back, when there is nothing to keep. */
    async release(tenant: string, digest: string): Promise<void> {
      await redis.del(keys.idempotency(tenant, digest));
    },
  };
}

export type Idempotency = ReturnType<typeof createIdempotency>;
