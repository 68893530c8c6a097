// The Idempotency-Key header of the operations that accept mail.
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { type IdempotencyClaim, idempotencyClaim } from "../accept/idempotency.ts";
import { callerOf } from "./authenticate.ts";

const name = "idempotency-key";

export const idempotencyHeaders = z.object({
  [name]: z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/, "is no key; use 1 to 255 visible ASCII characters")
    .optional()
    .meta({ description: "The same key and body again: the first answer again, for 24 hours." }),
});

/** The key as the caller sent it, checked or not. */
export function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers[name];
  return typeof key === "string" ? key : undefined;
}

/**
 * The claim that a request makes by its key, or undefined if it has none.
 * @param content what makes it another request: the body as it was parsed, and whatever else of it came elsewhere
 */
export async function claimOf(
  request: FastifyRequest,
  path: string,
  content: () => unknown = () => request.parsedBody,
): Promise<IdempotencyClaim | undefined> {
  const key = idempotencyKeyOf(request);
  return key !== undefined ? idempotencyClaim(callerOf(request).tenant, path, key, content()) : undefined;
}
