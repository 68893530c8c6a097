// The step of its trace that a request is, for whoever logs something about it.
import type { FastifyRequest } from "fastify";
import { traceFields } from "../domain/tracing.ts";
import type { Step } from "../telemetry/tracing.ts";

const steps = new WeakMap<FastifyRequest, Step>();

/** Notes it. */
export function setStep(request: FastifyRequest, step: Step): void {
  steps.set(request, step);
}

/** Undefined where requests are not traced, or this one is not. */
export function stepOf(request: FastifyRequest): Step | undefined {
  return steps.get(request);
}

/** What a log line about a request says of its trace. */
export function traceFieldsOf(request: FastifyRequest): { trace_id?: string; span_id?: string } {
  return traceFields(steps.get(request)?.span.context ?? {});
}
