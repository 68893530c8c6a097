// Waiting in tests: for a condition, with a deadline, never for a fixed time.
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Polls until the condition gives a truthy value, and returns that value.
 * @param condition may be async; what it throws counts as "not yet" and is told if the deadline passes
 * @param options `what` completes the sentence "waited for …"
 * @throws Error naming `what`, the time waited and the last value or fault
 */
export async function waitFor<Value>(
  condition: () => Value | Promise<Value>,
  options: { what: string; timeoutMs?: number; everyMs?: number },
): Promise<Exclude<Value, undefined | null | false | 0 | "">> {
  const { what, timeoutMs = 5_000, everyMs = 10 } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let last: { value: unknown } | { fault: unknown };
    try {
      const value = await condition();
      if (value) return value as Exclude<Value, undefined | null | false | 0 | "">;
      last = { value };
    } catch (fault) {
      last = { fault };
    }
    if (Date.now() >= deadline) {
      const told = "fault" in last ? `the last try threw: ${String(last.fault)}` : `the last value was ${String(last.value)}`;
      throw new Error(`waited ${timeoutMs} ms for ${what}; ${told}`, "fault" in last ? { cause: last.fault } : {});
    }
    await sleep(everyMs);
  }
}
