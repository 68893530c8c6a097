// The access tokens of relays with XOAUTH2, so that the workers of one installation ask the issuer once and not each of them.
import { createHash } from "node:crypto";
import type { Connection } from "./connection.ts";

/** `refreshToken`: the newest one, where the issuer replaces them. */
export type KeptToken = { accessToken: string; expiresInMs: number; refreshToken?: string };

/** Issuers let an unused refresh token live for half a year at most. */
const refreshTokenMs = 180 * 86_400_000;

/**
 * The place for one grant's tokens.
 * @param grant what identifies it: a changed configuration begins anew
 */
export function createTokenShelf({ redis, keys }: Connection, grant: object) {
  const digest = createHash("sha256").update(JSON.stringify(grant)).digest("base64url");
  const accessKey = keys.accessToken(digest);
  const refreshKey = keys.refreshToken(digest);
  return {
    /** What there is; rejects while Redis is away. */
    async read(): Promise<Partial<KeptToken>> {
      const [accessToken, expiresInMs, refreshToken] = await Promise.all([
        redis.get(accessKey),
        redis.pttl(accessKey),
        redis.get(refreshKey),
      ]);
      return {
        ...(accessToken !== null && expiresInMs > 0 && { accessToken, expiresInMs }),
        ...(refreshToken !== null && { refreshToken }),
      };
    },

    /** Puts a new token in the old one's place. */
    async write({ accessToken, expiresInMs, refreshToken }: KeptToken): Promise<void> {
      await redis.set(accessKey, accessToken, "PX", Math.ceil(expiresInMs));
      if (refreshToken !== undefined) await redis.set(refreshKey, refreshToken, "PX", refreshTokenMs);
    },
  };
}
