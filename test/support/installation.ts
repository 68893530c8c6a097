// One installation of several processes: what they have in common is said once.
import type { AtEnd } from "./atEnd.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { startProxy, type TcpProxy } from "./proxy.ts";
import type { TestRedis } from "./redis.ts";
import { type ScriptedRelay, startScriptedRelay } from "./scriptedRelay.ts";

/**
 * Returns a function that starts one more process of the installation, in a role of its own, and has it stopped at the end of the test.
 * @param common the environment and the `postern.yaml` of all; a process's own environment wins
 */
export function installationOf(
  atEnd: AtEnd,
  common: { env: Record<string, string>; config?: string },
): (role: "api" | "worker", env?: Record<string, string>) => Promise<Gateway> {
  return async (role, env = {}) => {
    const gateway = await startGateway({ ...common, env: { ...common.env, ...env }, args: ["--role", role] });
    atEnd(() => gateway.stop());
    return gateway;
  };
}

/** A relay and a worker that nothing disturbs, and an API whose way to Redis leads through a proxy. `start` starts more, without one. */
export async function startApiBehindProxy(
  atEnd: AtEnd,
  redis: TestRedis,
): Promise<{ relay: ScriptedRelay; proxy: TcpProxy; api: Gateway; start: ReturnType<typeof installationOf> }> {
  const relay = await startScriptedRelay();
  atEnd(relay.stop);
  const proxy = await startProxy({ target: { port: redis.port } });
  atEnd(proxy.stop);
  const redisUrl = redis.freshUrl();
  const start = installationOf(atEnd, { env: { REDIS_URL: redisUrl, SMTP_URL: relay.url } });
  const proxied = { REDIS_URL: redisUrl.replace(`:${redis.port}`, `:${proxy.port}`) };
  const [api] = await Promise.all([start("api", proxied), start("worker")]);
  return { relay, proxy, api, start };
}
