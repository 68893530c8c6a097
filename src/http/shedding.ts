// What one process takes on: beyond it a request is turned away at once, cheaply, before it makes the others wait too.
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import underPressure from "@fastify/under-pressure";
import type { App } from "./dependencies.ts";
import { RefusalError } from "./errors.ts";

/** Of the memory that there is: near its end a process spends its time collecting garbage, and then is killed. */
const memoryShareMax = 0.9;

/** Who asks for these wants to know how the process is, not to be spared it. */
const health = new Set(["/livez", "/readyz"]);

/** The memory that this process may use, in bytes. */
export function memoryBytes(): number {
  // Where a container has no limit of its own, its limit is a huge number.
  return Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
}

/**
 * Adds the check, which comes before everything else that a request costs.
 * @param eventLoopDelayMsMax mean delay of the event loop over a second: an answer takes a few turns of it
 */
export async function shedOverload(app: App, eventLoopDelayMsMax: number): Promise<void> {
  await app.register(underPressure, {
    maxEventLoopDelay: eventLoopDelayMsMax,
    maxHeapUsedBytes: getHeapStatistics().heap_size_limit * memoryShareMax,
    maxRssBytes: memoryBytes() * memoryShareMax,
    pressureHandler: (request) => {
      if (health.has(request.routeOptions.url ?? "")) return undefined;
      const detail = "This process has more to do than it can do in time; nothing was done. Try again, with growing pauses.";
      return Promise.reject(new RefusalError({ refused: "overloaded", detail, retryAfterSeconds: 1 }));
    },
  });
}
