// Traces (OpenTelemetry): how they are configured, and how one travels from process to process.

/** Which traces are kept. */
export type Sampling = {
  /** A trace that a caller began is kept or not as the caller says. */
  followsCaller: boolean;
  /** Of all others, from 0 to 1. */
  ratio: number;
};

export type TracingConfig = {
  /** Where spans are posted to, path included. */
  url: string;
  protocol: "http/protobuf" | "http/json";
  headers: Readonly<Record<string, string>>;
  /** For one export, repeated tries included. */
  timeoutMs: number;
  serviceName: string;
  /** Further attributes of this service. */
  attributes: Readonly<Record<string, string>>;
  sampling: Sampling;
  exportEveryMs: number;
  /** Spans that wait for their export at most; more are dropped. */
  spansMax: number;
};

/** The headers by which a trace travels (W3C Trace Context), as a message's record keeps them. */
export type TraceContext = { traceparent: string; tracestate?: string };

/** The fields by which a log line names the trace that it belongs to; none without a trace. */
export function traceFields({ traceparent }: { traceparent?: string | undefined }): { trace_id?: string; span_id?: string } {
  if (traceparent === undefined) return {};
  const [, traceId, spanId] = traceparent.split("-");
  return traceId === undefined || spanId === undefined ? {} : { trace_id: traceId, span_id: spanId };
}
