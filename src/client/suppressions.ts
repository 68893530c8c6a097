// Addresses that are not written to.
import type { SuppressionRequest } from "./api.ts";
import { listOf } from "./list.ts";
import type { CallOperation, Query } from "./operations.ts";
import type { CallOptions } from "./request.ts";

/** `list`: a mailing list's; without it, the suppression of all mail. */
export type SuppressionOptions = CallOptions & { list?: string | undefined };

/** As long as the gateway lets a file arrive, and some. */
const importTimeoutMs = 150_000;

export function suppressionsOf(call: CallOperation) {
  return {
    /** Newest first; with `address`, those that begin so. */
    list: (query?: Query<"listSuppressions">, options?: CallOptions) => listOf(call, "listSuppressions", { query, options }),
    create: (request: SuppressionRequest, options?: CallOptions) =>
      call("createSuppression", { body: request, isRepeatable: true }, options),
    get: (address: string, { list, ...options }: SuppressionOptions = {}) =>
      call("getSuppression", { path: { address }, query: { list } }, options),
    delete: (address: string, { list, ...options }: SuppressionOptions = {}) =>
      call("deleteSuppression", { path: { address }, query: { list } }, options),
    /** A CSV file with at least the column `address`. */
    import: (csv: string | Uint8Array | Blob, options: CallOptions = {}) =>
      call(
        "importSuppressions",
        { body: csv, headers: { "content-type": "text/csv" }, isRepeatable: true },
        { timeoutMs: importTimeoutMs, ...options },
      ),
    /** All of them as CSV, as it comes. */
    export: (options?: CallOptions): Promise<ReadableStream<Uint8Array>> => call("exportSuppressions", {}, options, readStream),
  };
}

async function readStream({ body }: Response): Promise<ReadableStream<Uint8Array>> {
  return body ?? new ReadableStream({ start: (controller) => controller.close() });
}
