// What the tests of acceptance stand on: settings, callers, requests.
import { randomBytes } from "node:crypto";
import { createComposer } from "../../src/accept/composer.ts";
import type { PrepareSettings } from "../../src/accept/prepare.ts";
import { sendRequest } from "../../src/accept/request.ts";
import type { Caller } from "../../src/domain/keys.ts";
import type { RelayLimits } from "../../src/domain/relay.ts";

export const now = Date.parse("2030-01-01T00:00:00Z");

export function settings(changes: Partial<PrepareSettings> = {}): PrepareSettings {
  return {
    routes: [{ to_domain: "office.example", relays: ["office", "main"] }, { relays: ["main"] }],
    relays: ["main", "office"],
    expireAfterMs: 3_600_000,
    maxMessageSizeBytes: 1_000_000,
    now: () => now,
    newUuid: () => randomBytes(16),
    unsubscribeLinks: { link: async () => undefined },
    composer: createComposer(),
    ...changes,
  };
}

export function caller(changes: Partial<Caller> = {}): Caller {
  return { keyId: "key_test", tenant: "default", scopes: ["send"], ...changes };
}

/** A relay's limits; none but these. */
export function relayLimits(changes: Partial<RelayLimits>): RelayLimits {
  return { rates: [], burst: 1, domains: {}, ...changes };
}

/** A request as the schema lets it through. */
export function request(changes: Record<string, unknown> = {}) {
  return sendRequest.parse({ from: "a@example.com", to: "one@example.net", subject: "hello", text: "hello", ...changes });
}
