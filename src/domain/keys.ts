// API keys: what a key may do, and how its text is built. The secret itself is never stored.

/** `send`: accept mail; `read`: see it; `manage`: the tenant's webhooks, suppressions, keys; `operator`: relays and other tenants. */
export const scopes = ["send", "read", "manage", "operator"] as const;

export type Scope = (typeof scopes)[number];

/** Who calls: an authenticated key's rights. */
export type Caller = {
  keyId: string;
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

/** The text a caller presents: the id (`key_…`), then the secret. */
export function keyText(id: string, secret: string): string {
  return `${id}_${secret}`;
}

/** The id inside a key's text, or undefined if the text is not one of ours. */
export function keyIdOf(text: string): string | undefined {
  return /^(key_[0-9a-z]{16})_[0-9A-Za-z]{32}$/.exec(text)?.[1];
}

/** Tenant names: they become part of keys' names in Redis. */
export const tenantPattern = /^[a-z0-9][a-z0-9_-]{0,62}$/;
