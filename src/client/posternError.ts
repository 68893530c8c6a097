// Every way in which a request can fail, as one error: Postern's own refusals (problem documents, RFC 9457) and the silence of a network.
import type { Problem } from "./api.ts";

/** One fault of the input: `pointer` (RFC 6901) into the body, or the name of a query parameter or header. */
export type InputFault = NonNullable<Problem["errors"]>[number];

/**
 * Postern's own codes, and what it cannot say of itself: `no_answer` (the connection could not be made, or broke), `timed_out`, and
 * `unexpected_answer` (something else answered, such as a proxy).
 */
export type PosternErrorCode = Problem["code"] | "no_answer" | "timed_out" | "unexpected_answer";

export type PosternErrorFields = {
  status?: number | undefined;
  code: PosternErrorCode;
  detail: string;
  errors?: readonly InputFault[] | undefined;
  requestId?: string | undefined;
  retryAfterMs?: number | undefined;
};

/** What a request failed of. Its message is the detail, and each fault of the input by its place. */
export class PosternError extends Error {
  override readonly name = "PosternError";
  /** The answer's status; undefined where none came. */
  readonly status: number | undefined;
  readonly code: PosternErrorCode;
  /** What is wrong and the way out, in a sentence. */
  readonly detail: string;
  /** Each fault of the input; empty for other refusals. */
  readonly errors: readonly InputFault[];
  /** By which the gateway's log names the request. */
  readonly requestId: string | undefined;
  /** How long to wait before trying again, where the gateway said so. */
  readonly retryAfterMs: number | undefined;

  constructor({ status, code, detail, errors = [], requestId, retryAfterMs }: PosternErrorFields, options?: ErrorOptions) {
    super(messageOf(detail, errors), options);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.errors = errors;
    this.requestId = requestId;
    this.retryAfterMs = retryAfterMs;
  }
}

function messageOf(detail: string, errors: readonly InputFault[]): string {
  const faults = errors.map(({ pointer, parameter, header, message }) => `${pointer || parameter || header || "the body"}: ${message}`);
  return [detail, ...faults].join("\n");
}

/**
 * The error that an answer beyond 2xx stands for.
 * @param text its body
 * @param what the request, for people, as `POST https://…`
 */
export function errorOfAnswer(response: Response, text: string, what: string): PosternError {
  const problem = problemIn(response, text);
  return new PosternError({
    status: response.status,
    code: problem?.code ?? "unexpected_answer",
    detail: problem?.detail ?? `${what} was answered ${response.status || "by a redirect"}, and not by Postern: is the url right?`,
    errors: problem?.errors,
    requestId: problem?.request_id ?? response.headers.get("x-request-id") ?? undefined,
    retryAfterMs: retryAfterMsOf(response.headers.get("retry-after")),
  });
}

function problemIn(response: Response, text: string): Problem | undefined {
  if (!response.headers.get("content-type")?.startsWith("application/problem+json")) return undefined;
  try {
    const problem = JSON.parse(text) as Problem;
    return typeof problem.code === "string" && typeof problem.detail === "string" ? problem : undefined;
  } catch {
    return undefined;
  }
}

/** Retry-After in seconds or as a date (RFC 9110, section 10.2.3), in milliseconds from now; undefined for anything else. */
export function retryAfterMsOf(value: string | null): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
