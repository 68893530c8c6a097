// The Idempotency-Key header of the operations that accept mail.
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { Accepted } from "../accept/accept.ts";
import { type IdempotencyClaim, idempotencyClaim, type KeptAnswer } from "../accept/idempotency.ts";
import type { MessageView } from "../domain/messageView.ts";
import { parsedBody } from "./bodies.ts";
import type { Dependencies } from "./dependencies.ts";

const name = "idempotency-key";

export const idempotencyHeaders = z.object({
  [name]: z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/, "is no key; use 1 to 255 visible ASCII characters")
    .optional()
    .meta({ description: "The same key and body again: the first answer again, for 24 hours." }),
});

/**
 * The claim that a request makes by its key, or undefined if it has none.
 * @param content what makes it another request: the body as it was parsed, and whatever else of it came elsewhere
 */
export function claimOf(request: FastifyRequest, path: string, content: unknown = parsedBody(request)): IdempotencyClaim | undefined {
  const key = request.headers[name];
  return typeof key === "string" ? idempotencyClaim(path, key, content) : undefined;
}

/**
 * The first answer to a claim, for a request that would be refused by now: a time to send at that has passed since, a relay that is gone.
 * Undefined if there is none, or it was to another request.
 */
export async function firstAnswer(
  { idempotency }: Pick<Dependencies, "idempotency">,
  tenant: string,
  claim: IdempotencyClaim | undefined,
): Promise<Accepted | undefined> {
  const kept = claim && (await idempotency.find(tenant, claim.digest));
  if (kept === undefined) return undefined;
  const { fingerprint, answer } = JSON.parse(kept) as KeptAnswer;
  return fingerprint === claim?.fingerprint && answer !== undefined ? { message: answer as MessageView, replayed: true } : undefined;
}
