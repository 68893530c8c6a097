// The storing of a message as a span. Its context is kept with the message: all that happens to it later goes on from there.
import type { Acceptance } from "../store/acceptance.ts";
import type { Step } from "../telemetry/tracing.ts";

/** Puts a span of this step around each `accept`. */
export function traceAcceptance(step: Step, { accept }: Acceptance["ledger"]): Acceptance["ledger"] {
  return {
    async accept(input) {
      const { record } = input;
      const span = step.span.begin({
        name: "accept",
        kind: "producer",
        attributes: {
          ...step.attributes,
          "messaging.system": "postern",
          "messaging.operation.name": "accept",
          "messaging.operation.type": "send",
          "messaging.message.id": record.id,
          "messaging.message.body.size": record.size,
          "postern.message.id": record.id,
          "postern.tenant": record.tenant,
          "postern.lane": record.lane,
          "postern.recipients": record.recipients.length,
        },
      });
      try {
        const result = await accept({ ...input, record: { ...record, ...span.context } });
        span.set({ "postern.accepted": result.kind });
        span.end(failures.has(result.kind) ? { errorType: result.kind } : {});
        return result;
      } catch (error) {
        span.end({ errorType: "store_fault" });
        throw error;
      }
    },
  };
}

/** What is answered with 503; all else is an answer that the caller has to expect. */
const failures = new Set(["late", "full", "unconfirmed"]);
