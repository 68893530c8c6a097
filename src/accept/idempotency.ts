// What makes two requests the same: tenant, path and key name the place, the parsed body's fingerprint stands in it.
import { createHash, randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";

/** A caller's Idempotency-Key with what it is compared by. */
export type IdempotencyClaim = { tenant: string; digest: string; fingerprint: string };

/** What is kept under a claim: the first answer, or the note that a batch is still being worked on. */
export type KeptAnswer = { fingerprint: string; answer?: unknown };

export const idempotencyLifeMs = 24 * 3_600_000;

/**
 * The claim for a key on a path.
 * @param body the parsed body (JSON: compared whatever the order of its members, files by their octets), or its bytes
 */
export async function idempotencyClaim(tenant: string, path: string, key: string, body: unknown): Promise<IdempotencyClaim> {
  return { tenant, digest: idempotencyDigest(path, key), fingerprint: await fingerprintOf(body) };
}

/** Under which a tenant's key on a path is kept. */
export function idempotencyDigest(path: string, key: string): string {
  return createHash("sha256").update(`${path}\0${key}`).digest("base64url");
}

/** The claim of one message of a batch, so that a batch cut off half-way doubles nothing when it is sent again. */
export function partOf(claim: IdempotencyClaim, index: number): IdempotencyClaim {
  return { ...claim, digest: `${claim.digest}.${index}` };
}

/** What is hashed before others get their turn: some 2 ms. A multiple of three, so that base64 goes on where it ended. */
const sliceOctets = 1_536 * 1024;

async function fingerprintOf(body: unknown): Promise<string> {
  const hash = createHash("sha256");
  const take = async (octets: Buffer, textOf: (slice: Buffer) => Buffer | string) => {
    for (let start = 0; start < octets.length; start += sliceOctets) {
      if (start > 0) await nextTurn();
      hash.update(textOf(octets.subarray(start, start + sliceOctets)));
    }
  };
  if (Buffer.isBuffer(body)) {
    await take(body, (slice) => slice);
  } else {
    for (const piece of canonicalJson(body)) {
      if (typeof piece === "string") hash.update(piece);
      else await take(piece, (slice) => slice.toString("base64"));
    }
  }
  return hash.digest("base64url");
}

/** JSON with the members of every object in one order. Octets stand in it where it has their base64. */
function canonicalJson(value: unknown): (string | Buffer)[] {
  const files: Buffer[] = [];
  // Nobody can have written this into a request.
  const mark = randomUUID();
  const ordered = (member: unknown): unknown => {
    if (Buffer.isBuffer(member)) return `${mark}${files.push(member) - 1}${mark}`;
    if (typeof member !== "object" || member === null) return member;
    if (Array.isArray(member)) return member.map(ordered);
    const entries = Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([name, it]) => [name, ordered(it)]));
  };
  const json = JSON.stringify(ordered(value));
  return json.split(mark).map((piece, index) => (index % 2 === 0 ? piece : (files[Number(piece)] as Buffer)));
}
