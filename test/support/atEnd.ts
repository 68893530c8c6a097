// Stops what a test has started, in the order in which it leans on one another.
import type { TestContext } from "node:test";

/** Notes a step for the end of the test. */
export type AtEnd = (step: () => Promise<unknown>) => void;

/**
 * Returns a function that notes steps; after the test they are taken last in, first out: a gateway must not outlive its Redis.
 * (`t.after` alone takes them first in, first out.)
 */
export function atEndOf(t: TestContext): AtEnd {
  const steps: (() => Promise<unknown>)[] = [];
  t.after(async () => {
    for (const step of steps.toReversed()) await step();
  });
  return (step) => void steps.push(step);
}
