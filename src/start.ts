// The composition root: builds everything once, starts a role, and returns how to stop it. What it starts, and in which order,
// is here; the parts of it are in start/.
import type { Config } from "./config.ts";
import { startMetricsServer } from "./http/metricsServer.ts";
import { sandboxApiKey } from "./sandbox/apiKey.ts";
import { startApi } from "./start/api.ts";
import { collectGauges } from "./start/observe.ts";
import { openOutwardPaths } from "./start/outwardPaths.ts";
import { openParts } from "./start/parts.ts";
import { openRedis } from "./start/redis.ts";
import { createUnwinding, type OnStop } from "./start/unwinding.ts";
import { startWorker } from "./start/worker.ts";
import type { Log } from "./telemetry/logger.ts";
import type { Tracing } from "./telemetry/tracing.ts";

export type Running = {
  /** Where the API listens; undefined in the role `worker`. */
  url: string | undefined;
  metricsUrl: string | undefined;
  /** The bootstrap key, where one is configured or was made for the sandbox. */
  apiKey: string | undefined;
  /** Takes nothing new, lets what is under way end, and unwinds the rest, last in, first out. Idempotent. */
  stop(): Promise<void>;
};

export type StartOptions = {
  log: Log;
  version: string;
  /** Tells the person at the terminal what takes its time. */
  say(line: string): void;
  /** Called if a part that nothing works without ends by itself. */
  onFailure(error: Error): void;
};

/** Starts the service in its role. Rejects, with everything unwound, if a part does not come up. */
export async function start(config: Config, options: StartOptions): Promise<Running> {
  const { onStop, stop } = createUnwinding(options.log);
  try {
    return { ...(await startRole(config, options, onStop)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startRole(config: Config, options: StartOptions, onStop: OnStop): Promise<Omit<Running, "stop">> {
  const { log, version } = options;
  const tracing = await openTraces(config, options, onStop);
  const target = await openRedis(config, options, onStop);
  const paths = await openOutwardPaths(config, log, onStop);
  const parts = await openParts({ config, target, log, version, tracing, paths }, onStop);

  // The metrics server is there before what it tells of, and after it: an operator sees a start that takes long, and how a process drains.
  let phase: "starting" | "running" | "stopping" = "starting";
  let worker: Awaited<ReturnType<typeof startWorker>> | undefined;
  const notReady = async () => {
    if (phase !== "running") return [phase];
    const problems: string[] = [];
    await parts.connection.redis.ping().catch(() => problems.push("Redis does not answer"));
    if (worker && !worker.owner.leaseHolds()) problems.push("the worker's lease has run out");
    return problems;
  };
  const metricsServer =
    config.metrics.port === 0
      ? undefined
      : await startMetricsServer({
          host: config.http.host,
          port: config.metrics.port,
          metricsText: async () => {
            await collectGauges(parts, worker?.delivery);
            return parts.metrics.registry.metrics();
          },
          notReady,
          durability: parts.durability,
        });
  if (metricsServer) onStop(() => metricsServer.stop());

  worker = config.role === "api" ? undefined : await startWorker(parts, onStop);
  const apiKey = config.apiKey ?? (config.sandbox ? await sandboxApiKey(config.dataDir) : undefined);
  const url = config.role === "worker" ? undefined : await startApi(parts, { apiKey, delivery: worker?.delivery, notReady }, onStop);
  phase = "running";
  onStop(async () => {
    phase = "stopping";
  });
  const reports = worker?.listener && `${worker.listener.host}:${worker.listener.port}`;
  log.info({ role: config.role, url, metrics_url: metricsServer?.url, reports, relays: paths.relays.map((relay) => relay.name) }, "ready");
  return { url, metricsUrl: metricsServer?.url, apiKey };
}

/** Last of all, so that what the others did until their end is told too; the whole stop stays below its 28 s. */
const lastExportMs = 2_000;

/** Begins to export traces, where a collector is configured; else nothing of it is even loaded. */
async function openTraces({ tracing: config }: Config, { log, version }: StartOptions, onStop: OnStop): Promise<Tracing | undefined> {
  if (!config) return undefined;
  const { openTracing } = await import("./telemetry/openTelemetry.ts");
  const tracing = openTracing(config, { log, version });
  onStop(() => tracing.stop(lastExportMs));
  log.info({ collector: new URL(config.url).origin, service: config.serviceName }, "traces are exported");
  return tracing;
}
