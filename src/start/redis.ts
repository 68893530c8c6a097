// Which Redis: the configured one, or one of our own in the data folder.
import type { Config } from "../config.ts";
import type { RedisTarget } from "../domain/redisTarget.ts";
import { findRunningRedis, startEmbeddedRedis } from "../sandbox/embeddedRedis.ts";
import type { Log } from "../telemetry/logger.ts";
import type { OnStop } from "./unwinding.ts";

export type RedisOptions = { log: Log; say(line: string): void; onFailure(error: Error): void };

/** The same for a command that runs beside a gateway: if one has the data folder, its Redis is used, else one is brought up for so long. */
export async function joinRedis(config: Config, options: RedisOptions, onStop: OnStop): Promise<RedisTarget> {
  const running = config.redis.kind === "embedded" ? await findRunningRedis(config.dataDir) : undefined;
  return running === undefined ? openRedis(config, options, onStop) : { kind: "socket", path: running };
}

/** Brings up the embedded Redis if there is no other. Rejects with a SandboxError for what the person can mend. */
export async function openRedis(config: Config, { log, say, onFailure }: RedisOptions, onStop: OnStop): Promise<RedisTarget> {
  if (config.redis.kind === "url") return config.redis.target;
  const redis = await startEmbeddedRedis({ dataDir: config.dataDir, path: config.path, log, say });
  onStop(() => redis.stop());
  redis.onExit((reason) => onFailure(new Error(`The embedded Redis ended: ${reason}`)));
  return { kind: "socket", path: redis.socketPath };
}
