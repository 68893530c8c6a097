// Unsubscribe links: made for a message that asks for one, read when somebody follows it.
import { readUnsubscribeToken, type TokenReading, type UnsubscribeClaim, unsubscribeToken } from "../domain/unsubscribeToken.ts";
import type { Unsubscribes } from "../store/unsubscribes.ts";

/** A year: mail is kept, and who leaves a list late must not find the way shut. */
export const linkLifeMs = 366 * 24 * 3_600_000;

export type UnsubscribeLinksDependencies = {
  /** Under which URL the API is reached from outside, without a slash at its end; undefined where nobody has said so. */
  publicUrl(): string | undefined;
  /** The first of them signs; where there is none, the newest of the installation's own. */
  configuredSecrets: readonly string[];
  unsubscribes: Pick<Unsubscribes, "secrets">;
  /** Redis time, ms. */
  now(): number;
};

/** Both functions reject while Redis is away, if they need what is kept there. */
export function createUnsubscribeLinks({ publicUrl, configuredSecrets, unsubscribes, now }: UnsubscribeLinksDependencies) {
  return {
    /** The link for a recipient, or undefined where the public URL is not known. */
    async link(claim: UnsubscribeClaim): Promise<string | undefined> {
      const base = publicUrl();
      if (base === undefined) return undefined;
      const [secret = ""] = configuredSecrets.length > 0 ? configuredSecrets : await unsubscribes.secrets();
      return `${base}/u/${unsubscribeToken(claim, now() + linkLifeMs, secret)}`;
    },

    /** What a link's token says. The kept secrets read on where others were configured later. */
    async read(token: string): Promise<TokenReading> {
      const configured = readUnsubscribeToken(token, configuredSecrets, now());
      if (configured.kind !== "forged") return configured;
      const kept = readUnsubscribeToken(token, await unsubscribes.secrets(), now());
      if (kept.kind !== "forged") return kept;
      // Another process may have signed with a secret that is newer than our copy.
      return readUnsubscribeToken(token, await unsubscribes.secrets(true), now());
    },
  };
}

export type UnsubscribeLinks = ReturnType<typeof createUnsubscribeLinks>;
