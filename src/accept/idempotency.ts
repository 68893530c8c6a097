// What makes two requests the same: tenant, path and key name the place, the parsed body's fingerprint stands in it.
import { createHash } from "node:crypto";

/** A caller's Idempotency-Key with what it is compared by. */
export type IdempotencyClaim = { tenant: string; digest: string; fingerprint: string };

/** What is kept under a claim: the first answer, or the note that a batch is still being worked on. */
export type KeptAnswer = { fingerprint: string; answer?: unknown };

export const idempotencyLifeMs = 24 * 3_600_000;

/**
 * The claim for a key on a path.
 * @param body the parsed body (JSON: compared whatever the order of its members), or its bytes
 */
export function idempotencyClaim(tenant: string, path: string, key: string, body: unknown): IdempotencyClaim {
  const fingerprint = createHash("sha256")
    .update(Buffer.isBuffer(body) ? body : canonicalJson(body))
    .digest("base64url");
  return { tenant, digest: idempotencyDigest(path, key), fingerprint };
}

/** Under which a tenant's key on a path is kept. */
export function idempotencyDigest(path: string, key: string): string {
  return createHash("sha256").update(`${path}\0${key}`).digest("base64url");
}

/** The claim of one message of a batch, so that a batch cut off half-way doubles nothing when it is sent again. */
export function partOf(claim: IdempotencyClaim, index: number): IdempotencyClaim {
  return { ...claim, digest: `${claim.digest}.${index}` };
}

/** JSON with the members of every object in one order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
