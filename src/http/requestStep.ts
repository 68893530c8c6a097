// The step of its trace that a request is, for whoever logs something about it.
import type { FastifyRequest } from "fastify";
import { traceAcceptance } from "../accept/traced.ts";
import { traceFields } from "../domain/tracing.ts";
import type { Acceptance } from "../store/acceptance.ts";
import type { Step } from "../telemetry/tracing.ts";

const steps = new WeakMap<FastifyRequest, Step>();

/** Notes it. */
export function setStep(request: FastifyRequest, step: Step): void {
  steps.set(request, step);
}

/** What acceptance works with, for this request: where it is traced, each message is stored as a step of it. */
export function stepInto<Needs extends { ledger: Acceptance["ledger"] }>(request: FastifyRequest, needs: Needs): Needs {
  const step = steps.get(request);
  return step ? { ...needs, ledger: { ...needs.ledger, ...traceAcceptance(step, needs.ledger) } } : needs;
}

/** What a log line about a request says of its trace. */
export function traceFieldsOf(request: FastifyRequest): { trace_id?: string; span_id?: string } {
  return traceFields(steps.get(request)?.span.context ?? {});
}
