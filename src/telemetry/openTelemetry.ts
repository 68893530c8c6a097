// Tracing by OpenTelemetry's SDK: samples, batches and exports spans over OTLP/HTTP. Nothing here may slow mail down: spans wait in a queue
// of bounded length, what has no room in it is dropped, and one export is under way at a time. Loaded only where tracing is configured.
import { setTimeout as pause } from "node:timers/promises";
import { type Context, ROOT_CONTEXT, type Span as SdkSpan, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { ExportResultCode, W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Sampling, TraceContext, TracingConfig } from "../domain/tracing.ts";
import { createExportReport, type ExportReport } from "./exportReport.ts";
import type { Log } from "./logger.ts";
import type { Span, SpanStart, Tracing } from "./tracing.ts";

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
} as const;

/** Spans of one request to the collector. */
const batchMax = 512;
/** Of one value. All of ours are short; the longest, an X-Request-Id, has 64. */
const valueCharactersMax = 256;
const reasonCharactersMax = 200;

/** Begins to export to the configured collector, whether it is there or not. */
export function openTracing(config: TracingConfig, { log, version }: { log: Log; version: string }): Tracing {
  const exporter = reporting(exporterOf(config), createExportReport({ log }));
  const { exportEveryMs: scheduledDelayMillis, spansMax: maxQueueSize, timeoutMs } = config;
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ ...config.attributes, "service.name": config.serviceName, "service.version": version }),
    sampler: samplerOf(config.sampling),
    spanLimits: { attributeValueLengthLimit: valueCharactersMax },
    spanProcessors: [
      new BatchSpanProcessor({
        ...{ exporter, scheduledDelayMillis, maxQueueSize, maxExportBatchSize: batchMax },
        // The exporter keeps its own time; this one only has to be longer.
        exportTimeoutMillis: timeoutMs + 5_000,
      }),
    ],
  });
  const tracer = provider.getTracer("postern", version);
  const propagator = new W3CTraceContextPropagator();

  /** `isKnown`: somebody before us keeps this trace, or may. */
  function begin({ name, kind, startedAt, attributes = {} }: SpanStart, parent: Context, isKnown: boolean): Span {
    const span = tracer.startSpan(
      name,
      { kind: kinds[kind], attributes, ...(startedAt !== undefined && { startTime: startedAt }) },
      parent,
    );
    const own = trace.setSpan(parent, span);
    const isKept = span.isRecording();
    let context: TraceContext | undefined;
    return {
      isKept,
      get context() {
        if (isKept || isKnown) context ??= contextOf(own, propagator);
        return context;
      },
      begin: (start) => begin(start, own, isKept || isKnown),
      set: (values) => void span.setAttributes(values),
      end: ({ endedAt, errorType } = {}) => end(span, endedAt, errorType),
    };
  }

  return {
    begin(start, context) {
      const parent = propagator.extract(ROOT_CONTEXT, context, getter);
      return begin(start, parent, parent !== ROOT_CONTEXT);
    },
    async stop(graceMs) {
      // What could not be exported was told by then.
      const flushed = provider.shutdown().catch(() => undefined);
      await Promise.race([flushed, pause(graceMs, undefined, { ref: false })]);
    },
  };
}

/** Headers and records alike; two `traceparent` headers are none, for Node joins them. */
const getter = {
  get: (carrier: Readonly<Record<string, unknown>> | undefined, name: string) => {
    const value = carrier?.[name];
    return typeof value === "string" ? value : undefined;
  },
  keys: () => [],
};

function contextOf(context: Context, propagator: W3CTraceContextPropagator): TraceContext {
  const found: TraceContext = { traceparent: "" };
  propagator.inject(context, found, {
    set: (carrier, name, value) => {
      // An empty one says nothing, and would only take up room.
      if (value !== "") carrier[name as keyof TraceContext] = value;
    },
  });
  return found;
}

function end(span: SdkSpan, endedAt: number | undefined, errorType: string | undefined): void {
  if (errorType !== undefined) span.setAttribute("error.type", errorType).setStatus({ code: SpanStatusCode.ERROR });
  span.end(endedAt);
}

function samplerOf({ followsCaller, ratio }: Sampling): Sampler {
  const root = ratio === 1 ? new AlwaysOnSampler() : ratio === 0 ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio);
  return followsCaller ? new ParentBasedSampler({ root }) : root;
}

function exporterOf({ protocol, url, headers, timeoutMs }: TracingConfig): SpanExporter {
  const options = { url, headers: { ...headers }, timeoutMillis: timeoutMs };
  return protocol === "http/json" ? new JsonExporter(options) : new ProtobufExporter(options);
}

/** The exporter, with its failures told. */
function reporting(exporter: SpanExporter, report: ExportReport): SpanExporter {
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code === ExportResultCode.SUCCESS) report.succeeded();
        else report.failed(spans.length, reasonOf(result.error));
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

/** Not the whole error: the collector's answer is in it. */
function reasonOf(error: (Error & { code?: string | number }) | undefined): { text: string; code: string | number | undefined } {
  const text = error?.message.slice(0, reasonCharactersMax) || "no answer";
  return { text, code: error?.code };
}
