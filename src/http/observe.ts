// One line and one measurement for each answered request; no query values, no addresses, no bodies.
import type { Log } from "../telemetry/logger.ts";
import type { App, Dependencies } from "./dependencies.ts";

/** A connection that stays open says nothing about how fast we are. */
const streams = new Set(["streamEvents"]);

/** Adds the hook that tells of every request when its answer has ended. */
export function observeRequests(app: App, { observeRequest }: Pick<Dependencies, "observeRequest">, log: Pick<Log, "debug">): void {
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "unmatched";
    const { method } = request;
    const { statusCode } = reply;
    const seconds = reply.elapsedTime / 1000;
    log.debug({ request_id: request.id, method, route, status: statusCode, duration_ms: Math.round(reply.elapsedTime) }, "request");
    if (statusCode < 400 && streams.has(request.routeOptions.schema?.operationId ?? "")) return;
    observeRequest({ method, route, status: `${Math.floor(statusCode / 100)}xx`, seconds });
  });
}
