// What is answered where there is no operation: 404, or 405 where the path has others.
import type { FastifyRequest } from "fastify";
import type { Refusal } from "../domain/refusals.ts";
import type { App } from "./dependencies.ts";
import { RefusalError, refuse } from "./errors.ts";

/** Adds the answers. To be called before the operations are added, whose paths it takes note of. */
export function answerUnknownRoutes(app: App): void {
  const methodsOf = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const methods = methodsOf.get(url) ?? new Set();
    methodsOf.set(url, methods);
    for (const it of [method].flat()) methods.add(it);
  });

  const allowedAt = (path: string) => {
    const methods = [...methodsOf].flatMap(([pattern, its]) => (matches(pattern, path) ? [...its] : []));
    return [...new Set(methods)].sort();
  };

  // Before a body is read: what it is does not matter any more.
  app.addHook("onRequest", (request, reply, done) => {
    if (!request.is404) return done();
    const allowed = allowedAt(pathOf(request));
    if (allowed.length === 0) return done(new RefusalError(notFound(request)));
    reply.header("allow", allowed.join(", "));
    const detail = `This path does not take ${request.method}; it takes ${allowed.join(", ")}.`;
    done(new RefusalError({ refused: "method_not_allowed", detail }));
  });
  app.setNotFoundHandler((request, reply) => refuse(request, reply, notFound(request)));
}

function notFound(request: FastifyRequest): Refusal {
  return {
    refused: "not_found",
    detail: `There is nothing at this path; the API is described at /docs (${request.method} was asked for).`,
  };
}

function pathOf(request: FastifyRequest): string {
  return request.url.split(/[?;#]/, 1)[0] ?? "";
}

/** Whether a path fits a route's pattern, whose parameters (`:id`) stand for one segment and `*` for the rest. */
function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  const rest = wanted.indexOf("*");
  if (rest < 0 && wanted.length !== given.length) return false;
  return wanted.every(
    (part, index) => (rest >= 0 && index >= rest) || (part.startsWith(":") ? given[index] !== "" : part === given[index]),
  );
}
