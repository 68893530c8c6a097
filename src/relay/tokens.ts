// Access tokens for XOAUTH2: kept until shortly before they run out, and asked for by one at a time.
import type { TokenGrant } from "../domain/relay.ts";
import { requestToken, type TokenAnswer } from "./tokenRequest.ts";

/** `fresh`: it was asked for just now, so that asking again would bring nothing better. */
export type TokenResult = { ok: true; token: string; fresh: boolean } | { ok: false; text: string };

/**
 * A token to log in with, or in words why there is none. Never rejects.
 * @param refused the token that the relay has just refused: another one is wanted
 */
export type TokenSource = (refused?: string) => Promise<TokenResult>;

/** What all workers know of one grant. `refreshToken`: the newest one, where the issuer replaces them. */
export type SharedToken = { accessToken: string; expiresInMs: number; refreshToken?: string };

/** Where workers share their tokens. Both may reject: then each worker asks for its own. */
export type TokenShelf = {
  read(): Promise<Partial<SharedToken>>;
  write(token: SharedToken): Promise<void>;
};

/** A token that runs out within this time is replaced before it is used. */
const aheadMs = 60_000;

type Kept = { token: string; goodUntil: number };

/**
 * Makes a source of tokens for one grant.
 * @param options.ask what a request to the token endpoint needs beside the grant
 * @param options.shelf what the fleet shares, if it does
 */
export function createTokenSource(options: {
  grant: TokenGrant;
  ask: Omit<Parameters<typeof requestToken>[0], "grant">;
  shelf?: TokenShelf | undefined;
}): TokenSource {
  const { grant, ask, shelf } = options;
  let kept: Kept | undefined;
  let asking: Promise<TokenResult> | undefined;

  const keptFor = (token: string, expiresInMs: number): Kept => ({ token, goodUntil: performance.now() + expiresInMs });
  const isGood = (candidate: Kept | undefined, refused: string | undefined, spareMs: number): candidate is Kept =>
    candidate !== undefined && candidate.token !== refused && candidate.goodUntil - performance.now() > spareMs;

  /**
   * A grant whose refresh token was replaced is asked with the newest one, and with the configured one if that is void.
   * What comes back names the refresh token to keep, if that changed.
   */
  async function askWith(newest: string | undefined): Promise<TokenAnswer> {
    if (grant.kind !== "refresh_token" || newest === undefined) return requestToken({ ...ask, grant });
    const answer = await requestToken({ ...ask, grant: { ...grant, refreshToken: newest } });
    if (answer.ok || !answer.isVoid) return answer;
    const second = await requestToken({ ...ask, grant });
    return second.ok ? { ...second, refreshToken: second.refreshToken ?? grant.refreshToken } : second;
  }

  async function renew(refused: string | undefined): Promise<TokenResult> {
    const shared: Partial<SharedToken> = (await shelf?.read().catch(() => undefined)) ?? {};
    if (shared.accessToken !== undefined && shared.expiresInMs !== undefined) {
      const another = keptFor(shared.accessToken, shared.expiresInMs);
      if (isGood(another, refused, aheadMs)) {
        kept = another;
        return { ok: true, token: another.token, fresh: false };
      }
    }
    const answer = await askWith(shared.refreshToken);
    if (!answer.ok) {
      // The old one may still do for its last minute.
      return isGood(kept, refused, 0) ? { ok: true, token: kept.token, fresh: false } : { ok: false, text: answer.text };
    }
    const { accessToken, expiresInMs, refreshToken } = answer;
    kept = keptFor(accessToken, expiresInMs);
    await shelf?.write({ accessToken, expiresInMs, ...(refreshToken !== undefined && { refreshToken }) }).catch(() => {});
    return { ok: true, token: accessToken, fresh: true };
  }

  return async (refused) => {
    if (isGood(kept, refused, aheadMs)) return { ok: true, token: kept.token, fresh: false };
    asking ??= renew(refused).finally(() => {
      asking = undefined;
    });
    return asking;
  };
}
