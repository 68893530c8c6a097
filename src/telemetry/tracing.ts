// Traces as the rooms see them: spans that are begun, told things, and ended. What is behind them (openTelemetry.ts) is loaded only where
// a collector is configured. Never in a span: addresses, content, secrets, and words that come from outside.
import type { TraceContext } from "../domain/tracing.ts";

/** Names by OpenTelemetry's semantic conventions where there is one, else `postern.…`. */
export type Attributes = Record<string, string | number | boolean | string[] | number[]>;

export type SpanStart = {
  /** Of few different ones: a step, a route's pattern. */
  name: string;
  kind: "server" | "client" | "producer" | "consumer" | "internal";
  /** Milliseconds since the epoch, by this process's clock; default now. */
  startedAt?: number;
  attributes?: Attributes;
};

export type Span = {
  /** By what others go on with this trace; undefined where nobody keeps it. */
  readonly context: TraceContext | undefined;
  /** Whether it is exported; for one that is not, nothing need be found out. */
  readonly isKept: boolean;
  /** Begins a step of this one. */
  begin(start: SpanStart): Span;
  set(attributes: Attributes): void;
  /**
   * Ends it, once.
   * @param options.endedAt milliseconds since the epoch, default now
   * @param options.errorType that it failed, in one of few words
   */
  end(options?: { endedAt?: number | undefined; errorType?: string | undefined }): void;
};

/** A span, and what its own steps are to say too. */
export type Step = { span: Span; attributes: Attributes };

export type Tracing = {
  /** Begins a step in the trace that `context` names, or, if that is none that can be read, in a new one. */
  begin(start: SpanStart, context?: Readonly<Record<string, unknown>>): Span;
  /** Exports what is left, as far as that is done in time. Never rejects. */
  stop(graceMs: number): Promise<void>;
};
