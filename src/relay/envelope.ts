// The commands of one transaction, as the relay's features want them.
import { needsSmtpUtf8 } from "../domain/address.ts";
import type { Features } from "./features.ts";

/**
 * MAIL, a RCPT for each recipient, DATA; each without its line end. The addresses must be ones that can be written in a command (ownRefusals.ts).
 * @param envelope.byteCount of the message, before its dots are doubled; announced where the relay takes it (RFC 1870)
 * @param envelope.eightBit announced as BODY=8BITMIME (RFC 6152)
 * @param envelope.smtputf8 header fields are in UTF-8; an address speaks for itself (RFC 6531, section 3.4)
 */
export function commandsOf(envelope: {
  from: string;
  to: readonly string[];
  byteCount: number;
  eightBit: boolean;
  smtputf8: boolean;
  features: Features;
}): string[] {
  const { from, to, byteCount, eightBit, smtputf8, features } = envelope;
  let mail = `MAIL FROM:<${from}>`;
  if (features.smtpUtf8 && (smtputf8 || needsSmtpUtf8(from) || to.some(needsSmtpUtf8))) mail += " SMTPUTF8";
  if (features.eightBitMime && (eightBit || smtputf8)) mail += " BODY=8BITMIME";
  if (features.size && byteCount > 0) mail += ` SIZE=${byteCount}`;
  return [mail, ...to.map((address) => `RCPT TO:<${address}>`), "DATA"];
}
