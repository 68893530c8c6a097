// How bodies are read: JSON strictly, and whole messages as their bytes. Anything else is 415.
import type { IncomingMessage } from "node:http";
import type { FastifyRequest } from "fastify";
import { isRefusal } from "../domain/refusals.ts";
import type { App } from "./dependencies.ts";
import { consumedTypes, RefusalError, unsupportedType } from "./errors.ts";
import { parseStrictJson } from "./strictJson.ts";

/** What a form sends, and who unsubscribes somebody by one click (RFC 8058 section 3.2). */
export const formTypes = ["application/x-www-form-urlencoded", "multipart/form-data"];

/** Rows of a table (RFC 4180). */
export const csvType = "text/csv";

/** A whole message (RFC 5322), as an operation says that it `consumes` it. */
export const messageType = "message/rfc822";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The operation takes no key: what is sent proves whose it is, byte for byte. So its body is read as bytes, whatever its type. */
    provesItself?: boolean;
  }
}

const bodies = new WeakMap<object, unknown>();

/** A body as it was parsed, before the schema changed it: what an idempotency key is compared by. */
export function parsedBody(request: FastifyRequest): unknown {
  return bodies.get(request.raw);
}

/** Teaches the app to read JSON, and plain text, whole messages, CSV (as a stream) and forms where an operation `consumes` them. */
export function readBodies(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, async (request: FastifyRequest, body: Buffer) => {
    if (request.routeOptions.config.provesItself) return body;
    // Many clients name a type although they send nothing.
    if (body.length === 0 && !request.routeOptions.schema?.body) return undefined;
    const parsed = parseStrictJson(body);
    if (isRefusal(parsed)) throw new RefusalError(parsed);
    bodies.set(request.raw, parsed.value);
    return parsed.value;
  });
  app.addContentTypeParser("text/plain", { parseAs: "buffer" }, async (request: FastifyRequest, body: Buffer) => {
    if (!consumedTypes(request).includes("text/plain")) throw new RefusalError(unsupportedType(request));
    return body;
  });
  app.addContentTypeParser(csvType, async (request: FastifyRequest, body: IncomingMessage) => {
    if (!consumedTypes(request).includes(csvType)) throw new RefusalError(unsupportedType(request));
    return body;
  });
  app.addContentTypeParser(formTypes, { parseAs: "buffer" }, async (request: FastifyRequest, body: Buffer) => {
    if (!consumedTypes(request).includes(formTypes[0] as string)) throw new RefusalError(unsupportedType(request));
    return body;
  });
  app.addContentTypeParser(messageType, { parseAs: "buffer" }, async (request: FastifyRequest, body: Buffer) => {
    if (!consumedTypes(request).includes(messageType)) throw new RefusalError(unsupportedType(request));
    bodies.set(request.raw, body);
    return body;
  });
}
