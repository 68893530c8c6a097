// How bodies are read: JSON strictly, and whole messages as their bytes. Anything else is 415.
import type { IncomingMessage } from "node:http";
import type { FastifyRequest } from "fastify";
import { isRefusal } from "../domain/refusals.ts";
import type { App } from "./dependencies.ts";
import { bodyTooLarge, consumedTypes, RefusalError, unsupportedType, wrongLength } from "./errors.ts";
import { createJsonReader } from "./jsonReader.ts";

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
    /** The body may hold files in base64, which may come as octets. */
    holdsFiles?: boolean;
  }

  interface FastifyRequest {
    /** The body as it was parsed, before the schema changed it: what an idempotency key is compared by. */
    parsedBody: unknown;
  }
}

/** Teaches the app to read JSON, and plain text, whole messages, CSV (as a stream) and forms where an operation `consumes` them. */
export function readBodies(app: App): void {
  const json = createJsonReader();
  app.addHook("onClose", json.stop);
  app.decorateRequest("parsedBody", undefined);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", async (request: FastifyRequest, payload: IncomingMessage) => {
    const body = await readBody(request, payload);
    if (request.routeOptions.config.provesItself) return body;
    // Many clients name a type although they send nothing.
    if (body.length === 0 && !request.routeOptions.schema?.body) return undefined;
    const parsed = await json.read(body, request.routeOptions.config.holdsFiles ?? false);
    if (isRefusal(parsed)) throw new RefusalError(parsed);
    request.parsedBody = parsed.value;
    return parsed.value;
  });
  app.addContentTypeParser("text/plain", async (request: FastifyRequest, payload: IncomingMessage) => {
    if (!consumedTypes(request).includes("text/plain")) throw new RefusalError(unsupportedType(request));
    return readBody(request, payload);
  });
  app.addContentTypeParser(csvType, async (request: FastifyRequest, body: IncomingMessage) => {
    if (!consumedTypes(request).includes(csvType)) throw new RefusalError(unsupportedType(request));
    return body;
  });
  app.addContentTypeParser(formTypes, async (request: FastifyRequest, payload: IncomingMessage) => {
    if (!consumedTypes(request).includes(formTypes[0] as string)) throw new RefusalError(unsupportedType(request));
    return readBody(request, payload);
  });
  app.addContentTypeParser(messageType, async (request: FastifyRequest, payload: IncomingMessage) => {
    if (!consumedTypes(request).includes(messageType)) throw new RefusalError(unsupportedType(request));
    const body = await readBody(request, payload);
    request.parsedBody = body;
    return body;
  });
}

/** Bodies up to this size come in one piece, or in few: putting them into a place of their own costs more than it saves. */
const shortBytes = 64 * 1024;

/**
 * Reads a body whose length is announced into its place as it comes, so that it is in memory once, and no large copy at its end holds up
 * the event loop. Rejects with a refusal for a body that is larger than its operation takes, and if the connection breaks.
 */
function readBody(request: FastifyRequest, payload: IncomingMessage): Promise<Buffer> {
  const limit = request.routeOptions.bodyLimit ?? 0;
  const announced = request.headers["content-length"] === undefined ? undefined : Number(request.headers["content-length"]);
  return new Promise((resolve, reject) => {
    if (announced !== undefined && announced > limit) return reject(new RefusalError(bodyTooLarge(request)));
    const place = announced === undefined || announced <= shortBytes ? undefined : Buffer.allocUnsafeSlow(announced);
    const chunks: Buffer[] = [];
    let length = 0;
    const fail = (error: Error) => {
      payload.off("data", take).off("end", end);
      reject(error);
    };
    const take = (chunk: Buffer) => {
      if (length + chunk.length > (announced ?? limit)) {
        return fail(new RefusalError(announced === undefined ? bodyTooLarge(request) : wrongLength));
      }
      if (place) chunk.copy(place, length);
      else chunks.push(chunk);
      length += chunk.length;
    };
    const end = () => {
      if (announced !== undefined && length < announced) return fail(new RefusalError(wrongLength));
      resolve(place ?? (chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length)));
    };
    payload.on("data", take).once("end", end).once("error", fail);
  });
}
