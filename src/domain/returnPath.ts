// Return-path tokens: the local part of our own envelope sender. It names a message and its tenant, is signed, and runs out; so that a
// report that comes back is believed without a look into the store, and still means something when the message is long gone.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { addressKey } from "./address.ts";
import { idBytes, idOf } from "./ids.ts";

/** One key of the ring. `id` is made of the secret, so that nobody has to number keys; it may be shared by two. */
export type ReturnPathKey = { id: number; secret: Buffer };

/** What a token says. */
export type ReturnPath = {
  messageId: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  /** Whether the message was this tenant's. */
  isTenant(tenant: string): boolean;
  /** Whether an address was the message's only recipient; undefined if there were several: then the digests that were kept tell. */
  isRecipient(address: string): boolean | undefined;
  /** The digest by which an address stands among those that were kept. */
  recipientDigest(address: string): string;
};

/** `forged`: no token, or none that one of the keys signed. */
export type ReadReturnPath = { kind: "valid"; returnPath: ReturnPath } | { kind: "expired" } | { kind: "forged" };

/** The header in which a composed message carries its return path: complaints come back with it where relays sent by another one. */
export const returnPathHeader = "X-Postern-Return-Path";

/** A message's return path. `kept`: its recipients' digests for as long as the token holds; empty where the token has the only one. */
export type ReturnPathFacts = { address: string; kept: { digests: string[]; lifeMs: number } };

type ReturnPathSubject = { id: string; tenant: string; recipients: readonly string[]; expiresAt: number };

export type MakeReturnPath = (message: ReturnPathSubject) => ReturnPathFacts;

/** How long after a message's deadline and its retention reports on it are still taken: complaints come weeks later, and a deadline may be moved. */
const lateMs = 60 * 86_400_000;

/**
 * What makes the return paths of messages.
 * @param options.key signs
 * @param options.now Redis time, ms
 */
export function returnPathMaker(options: { domain: string; key: ReturnPathKey; retentionMs: number; now(): number }): MakeReturnPath {
  const { domain, key, retentionMs, now } = options;
  return (message) => {
    const expiresAt = message.expiresAt + retentionMs + lateMs;
    return {
      address: `${returnPathToken(key, { ...message, expiresAt })}@${domain}`,
      kept: { digests: keptRecipientDigests(key, message), lifeMs: expiresAt - now() },
    };
  };
}

const dayMs = 86_400_000;
/** RFC 4648, section 6, in lower case: what survives servers that fold the case of local parts. */
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
/** The first character: the token's format. */
const format = "b";
const tenantOctets = 4;
const recipientOctets = 5;
/** RFC 2104, section 5: not less than 80 bits. Nobody can try them but one by one, against a server that counts. */
const macOctets = 10;
const idAt = 1;
const dayAt = 17;
const tenantAt = 19;
const recipientAt = tenantAt + tenantOctets;
const macAt = recipientAt + recipientOctets;
const tokenOctets = macAt + macOctets;
const tokenCharacters = format.length + Math.ceil((tokenOctets * 8) / 5);
const tokenPattern = new RegExp(`^${format}[a-z2-7]{${tokenCharacters - format.length}}$`);
/** In place of one recipient's digest: there are several. */
const several = Buffer.alloc(recipientOctets);

function base32(bytes: Uint8Array): string {
  let [text, rest, bits] = ["", 0, 0];
  for (const byte of bytes) {
    rest = (rest << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(rest >> (bits - 5)) & 31];
    rest &= 31;
  }
  return bits > 0 ? text + alphabet[(rest << (5 - bits)) & 31] : text;
}

function fromBase32(text: string): Buffer {
  const bytes: number[] = [];
  let [rest, bits] = [0, 0];
  for (const character of text) {
    rest = ((rest & 255) << 5) | alphabet.indexOf(character);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((rest >> bits) & 255);
  }
  return Buffer.from(bytes);
}

/** A key of a secret: 32 random bytes, or a text as good as that. */
export function returnPathKey(secret: Uint8Array | string): ReturnPathKey {
  const id = createHash("sha256").update("return path key\0").update(secret).digest()[0] ?? 0;
  return { id, secret: Buffer.from(secret) };
}

function digest({ secret }: ReturnPathKey, purpose: "tenant" | "recipient" | "token", of: Uint8Array, octets: number): Buffer {
  return createHmac("sha256", secret).update(`${purpose}\0`).update(of).digest().subarray(0, octets);
}

/** Digests differ from message to message, so that what strangers see links no two of them. */
function digestWithin(key: ReturnPathKey, purpose: "tenant" | "recipient", id: Uint8Array, text: string, octets: number): Buffer {
  return digest(key, purpose, Buffer.concat([id, Buffer.from(text)]), octets);
}

/**
 * The token of a message, the same each time: who greylists compares senders (RFC 6647, section 2.3).
 * @param message.recipients canonical addresses, all of the message's
 * @param message.expiresAt milliseconds since the epoch; rounded up to a whole day
 * @returns 62 characters of lower-case base32
 */
export function returnPathToken(key: ReturnPathKey, message: ReturnPathSubject): string {
  const id = idBytes(message.id);
  const [only, ...others] = message.recipients;
  const day = Buffer.alloc(2);
  day.writeUInt16BE(Math.min(Math.ceil(message.expiresAt / dayMs), 0xffff));
  const signed = Buffer.concat([
    Buffer.of(key.id),
    id,
    day,
    digestWithin(key, "tenant", id, message.tenant, tenantOctets),
    only === undefined || others.length > 0 ? several : digestWithin(key, "recipient", id, addressKey(only), recipientOctets),
  ]);
  return format + base32(Buffer.concat([signed, digest(key, "token", signed, macOctets)]));
}

/** The digests of a message's recipients that have to be kept beside its token: none where the token itself holds the only one. */
export function keptRecipientDigests(key: ReturnPathKey, message: { id: string; recipients: readonly string[] }): string[] {
  if (message.recipients.length < 2) return [];
  const id = idBytes(message.id);
  return message.recipients.map((address) => digestWithin(key, "recipient", id, addressKey(address), recipientOctets).toString("hex"));
}

/**
 * Reads a token.
 * @param localPart of an address, in any case
 * @param now milliseconds since the epoch
 */
export function readReturnPath(keys: readonly ReturnPathKey[], localPart: string, now: number): ReadReturnPath {
  const text = localPart.toLowerCase();
  if (!tokenPattern.test(text)) return { kind: "forged" };
  const bytes = fromBase32(text.slice(format.length));
  // The last character has a bit to spare: only one spelling of a token is one.
  if (base32(bytes) !== text.slice(format.length)) return { kind: "forged" };
  const signed = bytes.subarray(0, macAt);
  const key = keys.find((one) => one.id === signed[0] && timingSafeEqual(digest(one, "token", signed, macOctets), bytes.subarray(macAt)));
  if (!key) return { kind: "forged" };
  const expiresAt = signed.readUInt16BE(dayAt) * dayMs;
  if (now >= expiresAt) return { kind: "expired" };
  const id = signed.subarray(idAt, dayAt);
  const recipient = signed.subarray(recipientAt, macAt);
  const recipientDigest = (address: string) => digestWithin(key, "recipient", id, addressKey(address), recipientOctets);
  return {
    kind: "valid",
    returnPath: {
      messageId: idOf("msg", id),
      expiresAt,
      isTenant: (tenant) => digestWithin(key, "tenant", id, tenant, tenantOctets).equals(signed.subarray(tenantAt, recipientAt)),
      isRecipient: (address) => (recipient.equals(several) ? undefined : recipientDigest(address).equals(recipient)),
      recipientDigest: (address) => recipientDigest(address).toString("hex"),
    },
  };
}
