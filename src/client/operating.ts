// For whoever runs the gateway: keys, relays, figures, and what the sandbox caught.
import type { KeyRequest, Relay } from "./api.ts";
import { listOf } from "./list.ts";
import type { CallOperation, Query } from "./operations.ts";
import type { CallOptions } from "./request.ts";

export function keysOf(call: CallOperation) {
  return {
    /** Its answer holds the `key`; no other does. */
    create: (request: KeyRequest, options?: CallOptions) => call("createKey", { body: request }, options),
    list: (query?: Query<"listKeys">, options?: CallOptions) => listOf(call, "listKeys", { query, options }),
    /** The key that this client shows: what it may do. */
    self: (options?: CallOptions) => call("getCallersKey", {}, options),
    get: (id: string, options?: CallOptions) => call("getKey", { path: { id } }, options),
    delete: (id: string, options?: CallOptions) => call("deleteKey", { path: { id } }, options),
  };
}

export function relaysOf(call: CallOperation) {
  return {
    list: async (options?: CallOptions): Promise<Relay[]> => (await call("listRelays", {}, options)).data,
    /** No worker sends by it until it is resumed. */
    pause: (name: string, options?: CallOptions) => call("pauseRelay", { path: { name }, isRepeatable: true }, options),
    resume: (name: string, options?: CallOptions) => call("resumeRelay", { path: { name }, isRepeatable: true }, options),
  };
}

export function statsOf(call: CallOperation) {
  /** How many messages were accepted, and what became of recipients, by steps of time. */
  return (query?: Query<"getStats">, options?: CallOptions) => call("getStats", { query }, options);
}

export function capturedOf(call: CallOperation) {
  return {
    /** Mail that the sandbox took, newest first. */
    list: (query?: Query<"listCaptured">, options?: CallOptions) => listOf(call, "listCaptured", { query, options }),
    get: (id: string, options?: CallOptions) => call("getCaptured", { path: { id } }, options),
  };
}
