// A fleet: one API and several workers as processes of their own over one Redis, with the relays that a test gives them.
import type { AtEnd } from "./atEnd.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { sharedRedis } from "./redis.ts";

const redis = await sharedRedis();

export type Fleet = { api: Gateway; workers: Gateway[]; startWorker(): Promise<Gateway> };

/**
 * Starts an API and workers.
 * @param options.config the text of their `postern.yaml`
 * @param options.workers how many; default 4
 */
export async function startFleet(atEnd: AtEnd, options: { config: string; workers?: number }): Promise<Fleet> {
  const env = { REDIS_URL: redis.freshUrl() };
  const start = async (role: "api" | "worker") => {
    const gateway = await startGateway({ env, config: options.config, args: ["--role", role] });
    atEnd(() => gateway.stop());
    return gateway;
  };
  const api = await start("api");
  const workers = await Promise.all(Array.from({ length: options.workers ?? 4 }, () => start("worker")));
  return { api, workers, startWorker: () => start("worker") };
}

/** The most of these times (ms) that lie in any window of so many milliseconds, its end not counted. */
export function mostInWindow(times: readonly number[], windowMs: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  let most = 0;
  let from = 0;
  for (const [index, at] of sorted.entries()) {
    while (at - (sorted[from] as number) >= windowMs) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}
