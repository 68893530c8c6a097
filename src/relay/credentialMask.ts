// Takes our credentials out of whatever a relay or a proxy says: some servers repeat in a refusal what they were sent.
import type { RelayConfig } from "../domain/relay.ts";

export type CredentialMask = {
  /** The text with every known secret replaced. */
  (text: string): string;
  /** Hides one more from now on: an access token, or an answer to a challenge. */
  hide(secret: string): void;
};

const replacement = "[credentials]";
/** Challenges are base64 (RFC 4954, section 4), and may repeat something too. */
const base64Word = /[A-Za-z0-9+/]{16,}={0,2}/g;

/**
 * Makes a function that replaces passwords, users and their base64 forms (RFC 4616, and LOGIN's) in a text.
 * What has one or two characters is left alone: it would be found everywhere.
 */
export function createCredentialMask({ auth, proxy }: Pick<RelayConfig, "auth" | "proxy">): CredentialMask {
  const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64");
  const secrets = new Set<string>();
  const hide = (secret: string) => {
    for (const form of [base64(secret), secret]) if (form.length > 2) secrets.add(form);
  };
  if (auth?.pass !== undefined) {
    secrets.add(base64(`\0${auth.user}\0${auth.pass}`));
    hide(auth.pass);
  }
  if (auth) hide(auth.user);
  if (auth?.token) {
    const { kind: _, url: __, scope: ___, ...own } = auth.token;
    for (const secret of Object.values(own)) hide(secret);
  }
  if (proxy?.auth) {
    secrets.add(base64(`${proxy.auth.user}:${proxy.auth.pass}`));
    hide(proxy.auth.pass);
    hide(proxy.auth.user);
  }
  const mask = (text: string) => {
    // The longest first, so that no part of one is left over because another one was found in it.
    const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
    const masked = longestFirst.reduce((rest, secret) => rest.replaceAll(secret, replacement), text);
    return masked.replace(base64Word, (word) => {
      const inside = Buffer.from(word, "base64").toString("utf8");
      return longestFirst.some((secret) => inside.includes(secret)) ? replacement : word;
    });
  };
  return Object.assign(mask, { hide });
}
