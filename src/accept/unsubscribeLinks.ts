// Unsubscribe links: made for a message that asks for one, read when somebody follows it.
import { readUnsubscribeToken, type TokenReading, type UnsubscribeClaim, unsubscribeToken } from "../domain/unsubscribeToken.ts";
import type { Unsubscribes } from "../store/unsubscribes.ts";

/** A year: mail is kept, and who leaves a list late must not find the way shut. */
export const linkLifeMs = 366 * 24 * 3_600_000;

export type UnsubscribeLinksDependencies = {
  /** Under which URL the API is reached from outside, without a slash at its end; undefined where nobody has said so. */
  publicUrl(): string | undefined;
  /** From the configuration, the first of them signs; empty: the installation's own. */
  configuredKeys: readonly string[];
  unsubscribes: Pick<Unsubscribes, "signingKeys">;
  /** Redis time, ms. */
  now(): number;
};

/** Both functions reject while Redis is away, unless keys are configured. */
export function createUnsubscribeLinks({ publicUrl, configuredKeys, unsubscribes, now }: UnsubscribeLinksDependencies) {
  const signingKeys = async (fresh?: boolean) => (configuredKeys.length > 0 ? configuredKeys : unsubscribes.signingKeys(fresh));
  return {
    /** The link for a recipient, or undefined where the public URL is not known. */
    async link(claim: UnsubscribeClaim): Promise<string | undefined> {
      const base = publicUrl();
      if (base === undefined) return undefined;
      const [key = ""] = await signingKeys();
      return `${base}/u/${unsubscribeToken(claim, now() + linkLifeMs, key)}`;
    },

    /** What a link's token says. */
    async read(token: string): Promise<TokenReading> {
      const reading = readUnsubscribeToken(token, await signingKeys(), now());
      // Another process may have signed with a key that is newer than our copy.
      return reading.kind === "forged" ? readUnsubscribeToken(token, await signingKeys(true), now()) : reading;
    },
  };
}

export type UnsubscribeLinks = ReturnType<typeof createUnsubscribeLinks>;
