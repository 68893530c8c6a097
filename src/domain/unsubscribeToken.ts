// The word in an unsubscribe link (RFC 8058): it says who leaves which list, and is signed, so that nobody can make one for another. It
// carries all that it needs, for links are followed long after their message is forgotten.
import { createHmac, timingSafeEqual } from "node:crypto";
import { isMessageId } from "./ids.ts";

/** Who leaves which list, and by which message's link. */
export type UnsubscribeClaim = { tenant: string; list: string; address: string; messageId: string };

export type TokenReading = { kind: "valid"; claim: UnsubscribeClaim } | { kind: "expired" } | { kind: "forged" };

/** Binds a signature to this use and form: a secret may sign other things too. */
const purpose = "postern unsubscribe 1\n";
/** 128 bits; guessing one by asking is out of the question. */
const signatureBytes = 16;

function signatureOf(payload: string, secret: string): Buffer {
  return createHmac("sha256", secret).update(purpose).update(payload).digest().subarray(0, signatureBytes);
}

/**
 * Makes a token of characters that stand in a URL as they are.
 * @param claim none of its parts holds a line break
 * @param expiresAt milliseconds since the epoch; rounded up to the second
 */
export function unsubscribeToken(claim: UnsubscribeClaim, expiresAt: number, secret: string): string {
  const { tenant, list, address, messageId } = claim;
  const payload = [Math.ceil(expiresAt / 1000).toString(36), tenant, list, messageId, address].join("\n");
  return `${Buffer.from(payload).toString("base64url")}.${signatureOf(payload, secret).toString("base64url")}`;
}

/** Reads a token. `secrets`: all that may have signed it; compared in constant time. `now`: milliseconds since the epoch. */
export function readUnsubscribeToken(token: string, secrets: readonly string[], now: number): TokenReading {
  const match = /^([A-Za-z0-9_-]{1,900})\.([A-Za-z0-9_-]{22})$/.exec(token);
  if (!match?.[1] || !match[2]) return { kind: "forged" };
  const payload = Buffer.from(match[1], "base64url").toString();
  const signature = Buffer.from(match[2], "base64url");
  if (!secrets.some((secret) => timingSafeEqual(signature, signatureOf(payload, secret)))) return { kind: "forged" };
  const [seconds = "", tenant = "", list = "", messageId = "", address = ""] = payload.split("\n");
  if (!isMessageId(messageId)) return { kind: "forged" };
  if (Number.parseInt(seconds, 36) * 1000 <= now) return { kind: "expired" };
  return { kind: "valid", claim: { tenant, list, address, messageId } };
}
