// API keys: what a key may do, and how its text is built. The secret itself is never stored.
import { hash } from "node:crypto";

/** `send`: accept mail; `read`: see it; `manage`: the tenant's webhooks, suppressions, keys; `operator`: relays and other tenants. */
export const scopes = ["send", "read", "manage", "operator"] as const;

export type Scope = (typeof scopes)[number];

/** Who calls: an authenticated key's rights. */
export type Caller = {
  keyId: string;
  /** What the key was called by who made it; absent or empty: nothing. */
  keyName?: string;
  tenant: string;
  scopes: readonly Scope[];
  /** Sender domains that the key may use (`*.example.com` for sub-domains); absent: any. */
  domains?: readonly string[];
  /** Relays that the key may name in a message; operators may name any. */
  relays?: readonly string[];
};

/** A stored key. `digest` is the hex SHA-256 of the whole key text: it has 190 random bits, so no slow hash is needed. */
export type ApiKey = {
  id: string;
  tenant: string;
  name: string;
  scopes: Scope[];
  domains?: string[];
  relays?: string[];
  digest: string;
  created_at: number;
};

const digits = "0123456789abcdefghijklmnopqrstuvwxyz";
const lettersAndDigits = `${digits}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;
const idLength = 16;
const secretLength = 32;
const randomBytesMin = 64;

/**
 * Makes a key. `text` is what its caller presents, the id (`key_…`) and then the secret; it is shown once and not stored.
 * @param input.random 64 bytes of cryptographic randomness: read as one number, so that what is left over of it when digits are taken
 *   (2^-238) prefers no digit in a way that anybody could measure
 * @param input.createdAt milliseconds since the epoch
 * @throws Error for too few bytes
 */
export function newApiKey(input: {
  tenant: string;
  name: string;
  scopes: readonly Scope[];
  domains?: readonly string[];
  relays?: readonly string[];
  createdAt: number;
  random: Uint8Array;
}): { key: ApiKey; text: string } {
  const { tenant, name, scopes: granted, domains, relays, createdAt, random } = input;
  if (random.length < randomBytesMin) throw new Error(`a key needs ${randomBytesMin} random bytes`);
  let rest = random.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
  const take = (count: number, alphabet: string) => {
    let taken = "";
    for (let index = 0; index < count; index++) {
      taken += alphabet[Number(rest % BigInt(alphabet.length))];
      rest /= BigInt(alphabet.length);
    }
    return taken;
  };
  const id = `key_${take(idLength, digits)}`;
  const text = `${id}_${take(secretLength, lettersAndDigits)}`;
  const key: ApiKey = {
    id,
    tenant,
    name,
    scopes: scopes.filter((scope) => granted.includes(scope)),
    ...(domains && { domains: [...new Set(domains)] }),
    ...(relays && { relays: [...new Set(relays)] }),
    digest: digestOf(text).toString("hex"),
    created_at: createdAt,
  };
  return { key, text };
}

/** SHA-256 of a key's text. */
export function digestOf(text: string): Buffer {
  return hash("sha256", text, "buffer");
}

/**
 * Whether a sender domain pattern allows nothing that a list of patterns does not (`*.a.example.com` is within `*.example.com`,
 * which does not hold `example.com` itself). All are canonical.
 */
export function patternWithin(pattern: string, allowed: readonly string[]): boolean {
  const narrow = pattern.replace(/^\*\./, "");
  return allowed.some((wide) => pattern === wide || (wide.startsWith("*.") && narrow.endsWith(wide.slice(1))));
}

/** The id of the key that the configuration gives; it is not stored. */
export const bootstrapKeyId = "bootstrap";

/** Ids of keys: those that are stored, and that of the configuration. */
export const keyIdPattern = new RegExp(`^(key_[0-9a-z]{16}|${bootstrapKeyId})$`);

/** Whether a text is a key's id and cannot be meant for its name. */
export function isKeyId(text: string): boolean {
  return keyIdPattern.test(text);
}

/** The id inside a key's text, or undefined if the text is not one of ours. */
export function keyIdOf(text: string): string | undefined {
  return /^(key_[0-9a-z]{16})_[0-9A-Za-z]{32}$/.exec(text)?.[1];
}

/** Tenant names: they become part of keys' names in Redis. */
export const tenantPattern = /^[a-z0-9][a-z0-9_-]{0,62}$/;
