// What comes back, and what it means.
import type { ClassifyRequest, ReplyClassification } from "./api.ts";
import { listOf } from "./list.ts";
import type { CallOperation, Query } from "./operations.ts";
import type { CallOptions } from "./request.ts";

export function bouncesOf(call: CallOperation) {
  return {
    /** Hands in a bounce or complaint that came another way, as the mail that it is. */
    create: (mail: string | Uint8Array, options?: CallOptions) =>
      call("createBounce", { body: mail, headers: { "content-type": "message/rfc822" }, isRepeatable: true }, options),
    list: (query?: Query<"listBounces">, options?: CallOptions) => listOf(call, "listBounces", { query, options }),
    get: (id: string, options?: CallOptions) => call("getBounce", { path: { id } }, options),
  };
}

export function classifyOf(call: CallOperation) {
  /** What a relay's reply means: its category, and what to do about it. */
  return async (request: ClassifyRequest, options?: CallOptions): Promise<ReplyClassification> =>
    (await call("classify", { body: request, isRepeatable: true }, options)) as ReplyClassification;
}
