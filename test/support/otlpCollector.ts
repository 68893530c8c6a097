// A collector of traces: takes OTLP over HTTP as JSON or protobuf, plain or gzipped, and answers as a test tells it.
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { gunzipSync } from "node:zlib";
import { readExport } from "./otlpProtobuf.ts";
import { waitFor } from "./waitFor.ts";

export type CollectedSpan = {
  traceId: string;
  spanId: string;
  /** Empty for the first span of a trace. */
  parentSpanId: string;
  traceState: string;
  name: string;
  /** By OTLP's numbers: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  /** Milliseconds since the epoch. */
  startedAt: number;
  endedAt: number;
  isError: boolean;
  attributes: Record<string, unknown>;
  /** Of the process that sent it. */
  resource: Record<string, unknown>;
};

export type OtlpCollector = {
  /** `http://127.0.0.1:PORT`, for OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  readonly port: number;
  readonly spans: CollectedSpan[];
  readonly requests: { path: string; headers: IncomingHttpHeaders; body: Buffer }[];
  /** How requests are answered from now on; what is not answered 200 is not kept. `hang`: never. */
  answerWith(answer: { status?: number; hang?: boolean }): void;
  /** Waits until spans are there that the condition holds for. */
  waitForSpans(what: string, condition: (spans: CollectedSpan[]) => boolean, timeoutMs?: number): Promise<CollectedSpan[]>;
  stop(): Promise<void>;
};

/** The shape of OTLP's JSON, as far as it is read here. */
export type OtlpValue = {
  stringValue?: string;
  intValue?: number | string;
  boolValue?: boolean;
  doubleValue?: number;
  arrayValue?: { values?: OtlpValue[] };
};
export type OtlpPair = { key: string; value: OtlpValue };
export type OtlpSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: OtlpPair[];
  status?: { code?: number };
};
export type OtlpExport = { resourceSpans?: { resource?: { attributes?: OtlpPair[] }; scopeSpans?: { spans?: OtlpSpan[] }[] }[] };

/** Starts it on a free loopback port, or on that of one that was stopped. */
export async function startOtlpCollector({ port: wishedPort = 0 }: { port?: number } = {}): Promise<OtlpCollector> {
  const spans: CollectedSpan[] = [];
  const requests: OtlpCollector["requests"] = [];
  let answer: { status?: number; hang?: boolean } = {};
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk);
    } catch {
      return;
    }
    const sent = Buffer.concat(chunks);
    const { headers, url: path = "" } = incoming;
    const body = headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
    requests.push({ path, headers, body });
    const { status = 200, hang = false } = answer;
    if (hang) return;
    const isJson = headers["content-type"] === "application/json";
    if (status === 200) spans.push(...spansOf(isJson ? (JSON.parse(body.toString()) as OtlpExport) : readExport(body)));
    response.writeHead(status, { "content-type": headers["content-type"] ?? "" });
    response.end(status === 200 && isJson ? "{}" : "");
  });
  server.listen(wishedPort, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    spans,
    requests,
    answerWith(next) {
      answer = next;
    },
    async waitForSpans(what, condition, timeoutMs = 15_000) {
      const found = () => {
        if (condition(spans)) return true;
        throw new Error(`there are ${spans.map(({ name }) => name).join(", ") || "none"}`);
      };
      await waitFor(found, { what, timeoutMs });
      return spans;
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function spansOf({ resourceSpans = [] }: OtlpExport): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) =>
    scopeSpans.flatMap(({ spans = [] }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? "",
        traceState: span.traceState ?? "",
        name: span.name,
        kind: span.kind,
        startedAt: Number(BigInt(span.startTimeUnixNano) / 1_000n) / 1_000,
        endedAt: Number(BigInt(span.endTimeUnixNano) / 1_000n) / 1_000,
        isError: span.status?.code === 2,
        attributes: valuesOf(span.attributes),
        resource: valuesOf(resource?.attributes),
      })),
    ),
  );
}

function valuesOf(pairs: OtlpPair[] = []): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]));
}

function plain({ stringValue, intValue, boolValue, doubleValue, arrayValue }: OtlpValue): unknown {
  if (arrayValue) return (arrayValue.values ?? []).map(plain);
  return stringValue ?? boolValue ?? doubleValue ?? Number(intValue);
}
