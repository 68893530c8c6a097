// The tokens that Mailgun signed: each is good for one event alone, since its signature covers nothing of the event.
import { createHash } from "node:crypto";
import type { Connection } from "./connection.ts";

export function createMailgunTokens({ redis, keys }: Connection) {
  const digestOf = (text: string | Uint8Array) => createHash("sha256").update(text).digest("base64url");
  return {
    /**
     * Binds a token to an event, for as long as its signature is good for.
     * @returns false if it came with another event before. Rejects while Redis is away
     */
    async bind(token: string, event: Uint8Array, lifeMs: number): Promise<boolean> {
      const key = keys.mailgunToken(digestOf(token));
      const digest = digestOf(event);
      if (await redis.set(key, digest, "PX", lifeMs, "NX")) return true;
      return (await redis.get(key)) === digest;
    },
  };
}

export type MailgunTokens = ReturnType<typeof createMailgunTokens>;
