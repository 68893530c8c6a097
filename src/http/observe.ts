// One line and one measurement for each answered request; no query values, no addresses, no bodies.
import type { FastifyReply, FastifyRequest } from "fastify";
import { isMessageId } from "../domain/ids.ts";
import type { Log } from "../telemetry/logger.ts";
import type { App, Dependencies } from "./dependencies.ts";
import { refusalOf } from "./errors.ts";
import { traceFieldsOf } from "./requestStep.ts";

/** A connection that stays open says nothing about how fast we are. */
const streams = new Set(["streamEvents"]);

/** The message that a request is about: the one that it names, or made. */
function messageOf({ params }: FastifyRequest, reply: FastifyReply): { message_id?: string } {
  const named =
    (params as { id?: unknown } | undefined)?.id ??
    String(reply.getHeader("location") ?? "")
      .split("/")
      .at(-1);
  return typeof named === "string" && isMessageId(named) ? { message_id: named } : {};
}

/** Adds the hook that tells of every request when its answer has ended, or its caller has gone away, which counts as a 4xx. */
export function observeRequests(
  app: App,
  { observeRequest, observeRefusal }: Pick<Dependencies, "observeRequest" | "observeRefusal">,
  log: Pick<Log, "debug">,
): void {
  app.addHook("onRequest", (request, reply, done) => {
    const startedAt = performance.now();
    // Fastify's own hook is not called when a connection breaks.
    reply.raw.once("close", () => {
      const { method, routeOptions, id } = request;
      const durationMs = performance.now() - startedAt;
      const route = routeOptions.url ?? "unmatched";
      const answered = reply.raw.writableEnded;
      const status = reply.raw.statusCode;
      const refused = refusalOf(request);
      log.debug(
        {
          request_id: id,
          ...messageOf(request, reply),
          ...traceFieldsOf(request),
          method,
          route,
          status,
          refused,
          answered,
          duration_ms: Math.round(durationMs),
        },
        "request",
      );
      if (refused !== undefined) observeRefusal(refused);
      if (status < 400 && streams.has(routeOptions.schema?.operationId ?? "")) return;
      observeRequest({ method, route, status: answered ? `${Math.floor(status / 100)}xx` : "4xx", seconds: durationMs / 1000 });
    });
    done();
  });
}
