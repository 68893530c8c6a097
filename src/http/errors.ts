// Every "no" as a problem document (RFC 9457): one row for each refusal code, so that a missing one does not compile.
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { InputFault, Refusal, RefusalCode } from "../domain/refusals.ts";
import { formatSize } from "../domain/units.ts";
import { isStoreUnavailable } from "../store/connection.ts";
import type { Log } from "../telemetry/logger.ts";
import { InvalidInput } from "./inputFaults.ts";
import { traceFieldsOf } from "./requestStep.ts";

const problems: Record<RefusalCode, { status: number; title: string }> = {
  malformed_json: { status: 400, title: "Not the JSON we take" },
  unauthorized: { status: 401, title: "No valid API key" },
  not_verified: { status: 401, title: "Not verified as the provider's" },
  forbidden: { status: 403, title: "Not allowed for this key" },
  sender_not_allowed: { status: 403, title: "Sender not allowed for this key" },
  not_found: { status: 404, title: "Not found" },
  method_not_allowed: { status: 405, title: "Method not allowed" },
  request_timeout: { status: 408, title: "The request took too long to arrive" },
  too_late: { status: 409, title: "Too late for that" },
  idempotency_in_progress: { status: 409, title: "Still being worked on" },
  content_gone: { status: 410, title: "Content no longer kept" },
  body_too_large: { status: 413, title: "Body too large" },
  message_too_large: { status: 413, title: "Message too large" },
  unsupported_media_type: { status: 415, title: "Unsupported media type" },
  invalid_request: { status: 422, title: "Invalid request" },
  idempotency_key_reused: { status: 422, title: "Idempotency key used for something else" },
  no_route: { status: 422, title: "No route" },
  rate_limited: { status: 429, title: "Too many requests" },
  queue_full: { status: 429, title: "Too many open messages" },
  internal_error: { status: 500, title: "Our fault" },
  unavailable: { status: 503, title: "Not available at the moment" },
  overloaded: { status: 503, title: "Too busy at the moment" },
};

export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: RefusalCode;
  request_id: string;
  errors?: InputFault[];
};

/** The problem document of a refusal. */
export function problemOf(refusal: Refusal, requestId: string): Problem {
  const { status, title } = problems[refusal.refused];
  return {
    type: `urn:postern:problem:${refusal.refused}`,
    title,
    status,
    detail: refusal.detail,
    code: refusal.refused,
    request_id: requestId,
    ...(refusal.errors && { errors: refusal.errors }),
  };
}

const refusals = new WeakMap<object, RefusalCode>();

/** What a request was refused for, or undefined. */
export function refusalOf(request: FastifyRequest): RefusalCode | undefined {
  return refusals.get(request.raw);
}

/** Answers a request with a refusal. */
export function refuse(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  refusals.set(request.raw, refusal.refused);
  const problem = problemOf(refusal, request.id);
  // Some refusals come before any hook has run.
  reply.header("x-request-id", request.id);
  if (refusal.retryAfterSeconds !== undefined) reply.header("retry-after", refusal.retryAfterSeconds);
  if (refusal.refused === "unauthorized") reply.header("www-authenticate", 'Bearer realm="postern"');
  // Past the serializer: a problem may stand in for any operation's answer.
  return reply.code(problem.status).type("application/problem+json").serializer(JSON.stringify).send(problem);
}

/** A refusal as something to throw from hooks and parsers, which have no other way to end a request. */
export class RefusalError extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.detail);
    this.refusal = refusal;
  }
}

const storeAway: Refusal = {
  refused: "unavailable",
  detail: "The store cannot be reached at the moment. Try again, best with an Idempotency-Key.",
  retryAfterSeconds: 1,
};

export const wrongLength: Refusal = { refused: "malformed_json", detail: "The body is shorter or longer than its Content-Length." };

/** A 413 that names what the operation takes. */
export function bodyTooLarge({ routeOptions }: FastifyRequest): Refusal {
  return { refused: "body_too_large", detail: `The body is larger than this operation takes (${formatSize(routeOptions.bodyLimit)}).` };
}

export const noBody: Refusal = { refused: "malformed_json", detail: "There is no body; send a JSON object." };

/** Makes fastify's error handler: whatever was thrown becomes a problem document that says nothing of our insides. */
export function createErrorHandler(log: Pick<Log, "error">) {
  return (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const refusal = toRefusal(error, request);
    if (refusal.refused === "internal_error") {
      const { id, routeOptions } = request;
      log.error({ err: error, request_id: id, ...traceFieldsOf(request), operation: routeOptions.schema?.operationId }, "a request failed");
    }
    return refuse(request, reply, refusal);
  };
}

function toRefusal(error: FastifyError | Error, request: FastifyRequest): Refusal {
  if (error instanceof RefusalError) return error.refusal;
  if (error instanceof InvalidInput) return invalidInput(error, request);
  // The caller is gone; nobody reads this, but it is not the store's fault.
  if (request.raw.readableAborted) return { refused: "malformed_json", detail: "The body was cut off." };
  if (isStoreUnavailable(error)) return storeAway;
  switch ("code" in error ? error.code : undefined) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return bodyTooLarge(request);
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return unsupportedType(request);
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return wrongLength;
    case "FST_ERR_BAD_URL":
    case "FST_ERR_MAX_PARAM_LENGTH":
      return { refused: "not_found", detail: "The path is malformed, or a part of it is too long." };
  }
  return { refused: "internal_error", detail: "Something went wrong on our side; it has been logged under this request id." };
}

function invalidInput({ place, errors }: InvalidInput, request: FastifyRequest): Refusal {
  if (place === "body" && request.body === undefined) return noBody;
  return { refused: "invalid_request", detail: "The request breaks the rules named in errors; nothing was changed.", errors };
}

/** The content types that an operation takes: JSON, unless its schema says otherwise. */
export function consumedTypes(request: FastifyRequest): readonly string[] {
  return request.routeOptions.schema?.consumes ?? ["application/json"];
}

/** A 415 that names what the operation takes. */
export function unsupportedType(request: FastifyRequest): Refusal {
  const fault = request.headers["content-type"] === undefined ? "There is no Content-Type" : "This Content-Type is not taken here";
  return { refused: "unsupported_media_type", detail: `${fault}; send ${consumedTypes(request).join(" or ")}.` };
}
