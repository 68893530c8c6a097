// How bodies are read: JSON strictly, and whole messages as their bytes. Anything else is 415.
import type { FastifyRequest } from "fastify";
import { isRefusal } from "../domain/refusals.ts";
import type { App } from "./dependencies.ts";
import { RefusalError } from "./errors.ts";
import { parseStrictJson } from "./strictJson.ts";

const bodies = new WeakMap<object, unknown>();

/** A body as it was parsed, before the schema changed it: what an idempotency key is compared by. */
export function parsedBody(request: FastifyRequest): unknown {
  return bodies.get(request.raw);
}

/** Teaches the app to read JSON, and nothing else. */
export function readJsonBodies(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, async (request: FastifyRequest, body: Buffer) => {
    // Many clients name a type although they send nothing.
    if (body.length === 0 && !request.routeOptions.schema?.body) return undefined;
    const parsed = parseStrictJson(body);
    if (isRefusal(parsed)) throw new RefusalError(parsed);
    bodies.set(request.raw, parsed.value);
    return parsed.value;
  });
}

/** Teaches a part of the app to read whole messages too. */
export function readMessageBodies(app: App): void {
  app.addContentTypeParser("message/rfc822", { parseAs: "buffer" }, async (request: FastifyRequest, body: Buffer) => {
    bodies.set(request.raw, body);
    return body;
  });
}
