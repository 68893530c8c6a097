// Each API request as a span, in the caller's trace if it names one (W3C Trace Context). No path, query or address goes in: a path may hold
// a recipient's address.
import type { Tracing } from "../telemetry/tracing.ts";
import type { App } from "./dependencies.ts";
import { refusalOf } from "./errors.ts";
import { setStep } from "./requestStep.ts";

/** Connections that stay open for hours say nothing by their length. */
const streams = new Set(["streamEvents"]);

/** Adds the hooks that begin and end a span for each request to an operation of the API; probes and pages get none. */
export function traceRequests(app: App, tracing: Pick<Tracing, "begin">): void {
  app.addHook("onRequest", (request, reply, done) => {
    const { method, routeOptions, headers, id } = request;
    const { url: route, schema } = routeOptions;
    if (!route?.startsWith("/v1/") || streams.has(schema?.operationId ?? "")) return done();
    const attributes = { "postern.request.id": id };
    const span = tracing.begin(
      {
        name: `${method} ${route}`,
        kind: "server",
        attributes: { ...attributes, "http.request.method": method, "http.route": route, "url.scheme": request.protocol },
      },
      headers,
    );
    setStep(request, { span, attributes });
    // Fastify's own hook is not called when a connection breaks.
    reply.raw.once("close", () => {
      const { statusCode: status, writableEnded: answered } = reply.raw;
      const refused = refusalOf(request);
      span.set({
        ...(answered && { "http.response.status_code": status }),
        ...(refused !== undefined && { "postern.refused": refused }),
      });
      // A 4xx is the caller's doing, and no error of the server's span.
      span.end(answered ? (status >= 500 ? { errorType: String(status) } : {}) : { errorType: "caller_gone" });
    });
    done();
  });
}
