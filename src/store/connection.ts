// The connection to Redis: commands fail at once while it is away, so that no request hangs and none is carried out after its caller was told 503.
import { isIP } from "node:net";
import { Redis, type RedisOptions } from "ioredis";
import type { RedisTarget } from "../domain/redisTarget.ts";
import type { Log } from "../telemetry/logger.ts";
import { createRedisClock, type RedisClock } from "./clock.ts";
import { type Keys, keysOf, shardTag } from "./keys.ts";
import { createOwnerFinder, followOwner, type OwnerFinder } from "./slotOwner.ts";

/** Replies are mapped as ioredis does by default; its types allow no `undefined` there. */
type ClientOptions = Omit<RedisOptions, "replyMapping">;

/** A command that has no answer after this many milliseconds has failed; two in a row still fit into the promised two seconds. */
export const commandTimeoutMs = 900;

/**
 * Until when (Redis time, ms) a script may be carried out that leaves now: from then on its caller is told that it failed. What is kept back is
 * for the drift of two clocks.
 */
export function inTimeUntil(clock: RedisClock): number {
  return clock.now() + commandTimeoutMs - 50;
}

const hasty: ClientOptions = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: commandTimeoutMs,
  // A way that went silent without a reset would otherwise be waited on until TCP gives up, minutes later.
  socketTimeout: 2 * commandTimeoutMs,
};
/** Longer than any read blocks. */
const patient: ClientOptions = { maxRetriesPerRequest: null, socketTimeout: 20_000 };

function createClient(target: RedisTarget, temper: ClientOptions): Redis {
  const retryStrategy = (times: number) => Math.min(50 * 2 ** Math.min(times, 6), 1_000);
  const options: ClientOptions = { ...whereabouts(target), ...temper, retryStrategy, connectTimeout: 5_000 };
  return new Redis(options);
}

function whereabouts(target: RedisTarget): ClientOptions {
  const login = {
    ...(target.username !== undefined && { username: target.username }),
    ...(target.password !== undefined && { password: target.password }),
  };
  if (target.kind === "socket") return { path: target.path, ...login };
  const tls = target.tls ? { tls: { rejectUnauthorized: target.verifyCertificate, ...serverName(target) } } : {};
  if (target.kind === "single") return { host: target.host, port: target.port, db: target.database, ...login, ...tls };
  if (target.kind === "cluster") {
    const access = { ...login, ...tls };
    return { ...followOwner(finderOf(target, access), access), reconnectOnError: isElsewhere };
  }
  return {
    sentinels: target.sentinels,
    name: target.masterName,
    db: target.database,
    ...(target.sentinelUsername !== undefined && { sentinelUsername: target.sentinelUsername }),
    ...(target.sentinelPassword !== undefined && { sentinelPassword: target.sentinelPassword }),
    // A sentinel that went silent is passed over.
    sentinelCommandTimeout: 1_000,
    reconnectOnError: isElsewhere,
    ...login,
    ...tls,
    ...(target.tls && { enableTLSForSentinelMode: true, sentinelTLS: tls.tls }),
  };
}

/** Whether a node's refusal says that another is in its place by now. */
const isElsewhere = (error: Error) => /^(MOVED|READONLY)/.test(error.message);

/** All clients of a target share what they know of its nodes. */
const finders = new WeakMap<RedisTarget, OwnerFinder>();

function finderOf(target: RedisTarget & { kind: "cluster" }, access: Parameters<typeof createOwnerFinder>[1]): OwnerFinder {
  const finder = finders.get(target) ?? createOwnerFinder(target, access, shardTag(0));
  finders.set(target, finder);
  return finder;
}

/** An address is no name to ask for (RFC 6066, section 3). */
function serverName(target: RedisTarget): { servername?: string } {
  return "host" in target && isIP(target.host) === 0 ? { servername: target.host } : {};
}

/** `commandTimeoutMs`: for commands that wait inside Redis. */
export type ClientTuning = { commandTimeoutMs?: number };

/** One shard's connection: a client for commands, and the means to make more of them. */
export type Connection = {
  redis: Redis;
  keys: Keys;
  clock: RedisClock;
  /**
   * A further client, for the queue and for blocking reads; the caller disconnects it.
   * `patient`: its commands wait while Redis is away. `hasty`: they fail at once, as those of `redis` do.
   */
  client(temper: "patient" | "hasty", options?: ClientTuning): Redis;
  close(): Promise<void>;
};

/** Connects and waits until Redis answers. Throws an Error with the cause when it does not within `timeoutMs`. */
export async function connect(target: RedisTarget, log: Log, timeoutMs = 10_000): Promise<Connection> {
  const redis = createClient(target, { ...hasty, lazyConnect: true });
  let lastError: Error | undefined;
  let away = false;
  redis.on("error", (error) => {
    lastError = error;
    if (!away) log.warn({ err: error }, "Redis is away");
    away = true;
  });
  redis.on("ready", () => {
    if (away) log.info({}, "Redis is back");
    away = false;
  });
  await Promise.race([ready(redis), deadline(timeoutMs)]).catch((cause) => {
    redis.disconnect();
    throw new Error(`Redis does not answer: ${lastError?.message ?? cause.message}`, { cause: lastError ?? cause });
  });
  const clock = createRedisClock(redis);
  await clock.sample();
  return {
    redis,
    keys: keysOf(0),
    clock,
    client: (temper, options) => openClient(target, temper, options),
    close: async () => {
      clock.stop();
      redis.disconnect();
    },
  };
}

/** Whether an error of a store function means "not now": Redis is away, loading, full or not the master. */
export function isStoreUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return unavailableMessages.test(error.message) || /^(ECONN|EPIPE|ETIMEDOUT|ENOENT|ENOTFOUND|EAI_AGAIN|EHOST|ENET)/.test(code);
}

const unavailableMessages =
  /^(Connection is closed|Stream isn't writeable|Command timed out|Reached the max retries|Socket closed|LOADING|BUSY |OOM|READONLY|MASTERDOWN|CLUSTERDOWN|MOVED|ASK|MISCONF|NOREPLICAS|TRYAGAIN|EXECABORT|UNBLOCKED)/;

/** A client whose connection errors are reported by its commands alone. `patient` and `hasty` as in Connection. */
export function openClient(target: RedisTarget, temper: "patient" | "hasty", { commandTimeoutMs: longer }: ClientTuning = {}): Redis {
  const options = temper === "hasty" ? hasty : patient;
  const redis = createClient(target, longer === undefined ? options : { ...options, commandTimeout: longer, socketTimeout: 2 * longer });
  redis.on("error", () => undefined);
  return redis;
}

function ready(redis: Redis): Promise<void> {
  return new Promise((resolve) => {
    redis.once("ready", () => resolve());
    // A first refusal is not the end: the retry strategy goes on until the deadline.
    redis.connect().catch(() => undefined);
  });
}

function deadline(timeoutMs: number): Promise<never> {
  return new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs).unref();
  });
}
