// Every reason why Postern says no to a caller. The house speaks in these codes; `http/errors.ts` gives each a status and a title.

/** One fault of the input: a JSON pointer into the body, or the name of a query parameter or header. */
export type InputFault = { code: string; message: string } & ({ pointer: string } | { parameter: string } | { header: string });

export const refusalCodes = [
  "malformed_json",
  "unsupported_media_type",
  "body_too_large",
  "invalid_request",
  "unauthorized",
  "not_verified",
  "forbidden",
  "sender_not_allowed",
  "not_found",
  "method_not_allowed",
  "content_gone",
  "too_late",
  "idempotency_key_reused",
  "idempotency_in_progress",
  "no_route",
  "message_too_large",
  "rate_limited",
  "queue_full",
  "unavailable",
  "overloaded",
  "request_timeout",
  "internal_error",
] as const;

export type RefusalCode = (typeof refusalCodes)[number];

/** A "no" as a value. `detail` is public: it names the fault and the way out, and no internals. */
export type Refusal = { refused: RefusalCode; detail: string; errors?: InputFault[]; retryAfterSeconds?: number };

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && "refused" in value;
}
