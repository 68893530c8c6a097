// The signatures of SendGrid and Mailgun, and Postmark's login. Pure; every comparison takes the same time, whatever is wrong.
import { createHash, createHmac, createVerify, type KeyObject, timingSafeEqual } from "node:crypto";

/** Lower case, as Node gives them. */
export const sendgridSignatureHeader = "x-twilio-email-event-webhook-signature";
export const sendgridTimestampHeader = "x-twilio-email-event-webhook-timestamp";

/**
 * Whether one of the keys signed the body as it came: ECDSA with SHA-256 over the timestamp and the bytes behind it (Twilio SendGrid,
 * "Getting Started with the Event Webhook Security Features").
 * @param signed.signature base64 of DER
 * @param signed.timestamp as the header has it
 */
export function isSignedBySendgrid(
  keys: readonly KeyObject[],
  signed: { signature: string; timestamp: string; body: Uint8Array },
): boolean {
  const signature = Buffer.from(signed.signature, "base64");
  return keys.some((key) => createVerify("sha256").update(signed.timestamp).update(signed.body).verify(key, signature));
}

/**
 * Whether Mailgun's key made the signature of a timestamp and a token (Mailgun user manual, "Securing webhooks"): hexadecimal HMAC-SHA256.
 * It covers nothing of the event: a token must not be good for two of them.
 */
export function isSignedByMailgun(signingKey: string, signed: { timestamp: string; token: string; signature: string }): boolean {
  const expected = createHmac("sha256", signingKey)
    .update(signed.timestamp + signed.token)
    .digest();
  const given = Buffer.from(signed.signature, "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Whether an Authorization header holds that login (RFC 7617). */
export function isLogin(header: string | undefined, { username, password }: { username: string; password: string }): boolean {
  const encoded = /^Basic +([A-Za-z0-9+/]{1,2000}={0,2})$/i.exec(header ?? "")?.[1];
  if (encoded === undefined) return false;
  const digestOf = (bytes: string | Buffer) => createHash("sha256").update(bytes).digest();
  return timingSafeEqual(digestOf(Buffer.from(encoded, "base64")), digestOf(`${username}:${password}`));
}
