// What was started is stopped in the opposite order, whatever fails on the way.
import type { Log } from "../telemetry/logger.ts";

/** Notes a step that a stop has to take. */
export type OnStop = (step: () => Promise<unknown>) => void;

/** Collects steps; `stop` takes them last in, first out, once. */
export function createUnwinding(log: Log): { onStop: OnStop; stop(): Promise<void> } {
  const steps: (() => Promise<unknown>)[] = [];
  let stopping: Promise<void> | undefined;
  async function unwind(): Promise<void> {
    for (const step of steps.toReversed()) {
      await step().catch((error: unknown) => log.warn({ err: error }, "a part did not stop in order"));
    }
  }
  return {
    onStop: (step) => {
      steps.push(step);
    },
    stop: () => {
      stopping ??= unwind();
      return stopping;
    },
  };
}
