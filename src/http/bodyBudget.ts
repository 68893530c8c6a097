// How many bytes of large bodies are taken in at a time: more would fill memory, and a process that is killed answers nobody.
import type { FastifyRequest } from "fastify";
import type { App } from "./dependencies.ts";
import { RefusalError } from "./errors.ts";
import { memoryBytes } from "./shedding.ts";

/** Bodies up to this size are not counted: they can fill no memory in any number of connections that a process has. */
const smallBytes = 256 * 1024;
/** A body is held several times over while it is read, composed and stored. */
const memoryShare = 1 / 12;

/** What this process's memory allows. */
export function affordableBytes(): number {
  return memoryBytes() * memoryShare;
}

/**
 * Adds the check. It comes after a key was found good, so that nobody else uses up the budget. One body is always taken, however large
 * its operation lets it be.
 */
export function limitBodies(app: App, budgetBytes: number): void {
  let inUse = 0;
  app.addHook("preParsing", (request, reply, _payload, done) => {
    const size = announcedBytes(request);
    if (size <= smallBytes) return done();
    if (inUse > 0 && inUse + size > budgetBytes) {
      const detail = "Too many large bodies are being read at the moment; nothing was accepted. Try again.";
      return done(new RefusalError({ refused: "overloaded", detail, retryAfterSeconds: 1 }));
    }
    inUse += size;
    // Also where the caller goes away half-way, of which fastify's own hook says nothing.
    reply.raw.once("close", () => {
      inUse -= size;
    });
    done();
  });
}

/** A body in chunks may be as large as the operation takes. */
function announcedBytes(request: FastifyRequest): number {
  const { headers, routeOptions } = request;
  const limit = routeOptions.bodyLimit ?? 0;
  if (headers["transfer-encoding"] !== undefined) return limit;
  return Math.min(Number(headers["content-length"] ?? 0) || 0, limit);
}
