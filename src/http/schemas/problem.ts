// The problem document (RFC 9457) that every refusal is answered with.
import { z } from "zod";
import { refusalCodes } from "../../domain/refusals.ts";

const fault = z.object({
  pointer: z.string().optional().meta({ description: "JSON pointer (RFC 6901) to the faulty value in the body." }),
  parameter: z.string().optional().meta({ description: "Name of the faulty query or path parameter." }),
  header: z.string().optional().meta({ description: "Name of the faulty header." }),
  code: z.string(),
  message: z.string(),
});

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(refusalCodes),
    request_id: z.string(),
    errors: z.array(fault).optional(),
  })
  .meta({ id: "Problem", description: "Why a request was refused, and what to do about it." });

/** A problem response for the documentation of an operation. */
export function documented(description: string) {
  return { description, content: { "application/problem+json": { schema: problem } } };
}

const descriptions = {
  400: "Not JSON, or JSON that is refused (duplicate members, too deep, …).",
  401: "No valid API key.",
  403: "The key may not do this.",
  404: "There is no such thing in this tenant.",
  409: "Too late for the state it is in, or still being worked on.",
  410: "No longer kept.",
  413: "Too large.",
  415: "Not `application/json`.",
  422: "The input breaks a rule; `errors` names each fault.",
  429: "More requests, or more open messages, than this key or tenant may have; see `Retry-After`.",
  503: "Not available at the moment; see `Retry-After`.",
} as const;

/** The problem responses of an operation, by status. 401, 403, 429 and 503 may always happen. */
export function problems(...statuses: (keyof typeof descriptions)[]) {
  const all = [...new Set([...statuses, 401, 403, 429, 503] as const)].sort();
  return Object.fromEntries(all.map((status) => [status, documented(descriptions[status])])) as Record<
    (typeof all)[number],
    ReturnType<typeof documented>
  >;
}
