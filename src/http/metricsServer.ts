// A second, tiny server for METRICS_PORT: metrics and health, apart from the API, so that neither is exposed with it.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type ReadinessDependencies, readiness } from "./health/readiness.ts";

export type MetricsServerOptions = ReadinessDependencies & {
  host: string;
  port: number;
  /** All metrics in Prometheus' text format. */
  metricsText(): Promise<string>;
};

type Answer = { status: number; type: string; text: string };

const json = "application/json; charset=utf-8";
const plain = "text/plain; charset=utf-8";
/** The format's own type (https://prometheus.io/docs/instrumenting/exposition_formats/). */
const prometheus = "text/plain; version=0.0.4; charset=utf-8";

/** Starts listening. Rejects if the port is taken. */
export async function startMetricsServer(options: MetricsServerOptions): Promise<{ url: string; stop(): Promise<void> }> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 65_000 }, (request, response) => {
    answer(options, request)
      .catch((): Answer => ({ status: 500, type: plain, text: "The metrics could not be collected.\n" }))
      .then((it) => write(request, response, it))
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // A scraper's connection would keep it open; what it asks for is cheap to ask for again.
        server.closeAllConnections();
      }),
  };
}

async function answer(options: MetricsServerOptions, { method, url = "" }: IncomingMessage): Promise<Answer> {
  if (method !== "GET" && method !== "HEAD") return { status: 405, type: plain, text: "Only GET.\n" };
  switch (url.split("?", 1)[0]) {
    case "/metrics":
      return { status: 200, type: prometheus, text: await options.metricsText() };
    case "/livez":
      return { status: 200, type: json, text: JSON.stringify({ status: "live" }) };
    case "/readyz": {
      const { problems, checks } = await readiness(options);
      const ready = problems.length === 0;
      return { status: ready ? 200 : 503, type: json, text: JSON.stringify({ status: ready ? "ready" : "not_ready", problems, checks }) };
    }
    default:
      return { status: 404, type: plain, text: "There are /metrics, /livez and /readyz.\n" };
  }
}

function write({ method }: IncomingMessage, response: ServerResponse, { status, type, text }: Answer): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(status === 405 && { allow: "GET, HEAD" }),
  });
  response.end(method === "HEAD" ? undefined : text);
}
