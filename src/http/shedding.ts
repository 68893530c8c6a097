// What one process takes on: beyond it a request is turned away at once, cheaply, before it makes the others wait too.
import { totalmem } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import type { App } from "./dependencies.ts";
import { RefusalError } from "./errors.ts";

/** Of the memory that there is: near its end a process spends its time collecting garbage, and then is killed. */
const memoryShareMax = 0.9;
const sampleMs = 500;
const resolutionMs = 10;
/** Samples in a row: one large message may hold up the loop for a moment, and is no overload. */
const strainedSamples = 2;

/** Who asks for these wants to know how the process is, not to be spared it. */
const health = new Set(["/livez", "/readyz"]);

/** The memory that this process may use, in bytes. */
export function memoryBytes(): number {
  // Where a container has no limit of its own, its limit is a huge number.
  return Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
}

/**
 * Adds the check, which comes before everything else that a request costs.
 * @param delayMsMax mean delay of the event loop: an answer takes a few turns of it
 */
export function shedOverload(app: App, delayMsMax: number): void {
  const heapBytesMax = getHeapStatistics().heap_size_limit * memoryShareMax;
  const residentBytesMax = memoryBytes() * memoryShareMax;
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  let strained = 0;
  let memoryIsShort = false;
  const timer = setInterval(() => {
    const { heapUsed, rss } = process.memoryUsage();
    memoryIsShort = heapUsed > heapBytesMax || rss > residentBytesMax;
    // Without a single turn of the loop since the last look there is nothing to judge by yet.
    if (delays.count === 0) return;
    const isLate = delays.mean / 1e6 - resolutionMs > delayMsMax;
    // It goes down by steps too: turning away gives the loop air, and does not yet mean that the load is over.
    strained = isLate ? Math.min(strained + 1, strainedSamples + 1) : Math.max(strained - 1, 0);
    delays.reset();
  }, sampleMs);
  timer.unref();
  app.addHook("onClose", async () => {
    clearInterval(timer);
    delays.disable();
  });
  app.addHook("onRequest", (request, _reply, done) => {
    if ((strained < strainedSamples && !memoryIsShort) || health.has(request.routeOptions.url ?? "")) return done();
    const detail = "This process has more to do than it can do in time; nothing was done. Try again, with growing pauses.";
    done(new RefusalError({ refused: "overloaded", detail, retryAfterSeconds: 1 }));
  });
}
