// The embedded Redis: on a machine with Node and nothing else, a Redis of the gateway's own that lives in the data folder, is reached
// by a private socket, keeps what it acknowledged over every kind of end, and ends with the gateway.
import { chmod, mkdir, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../telemetry/logger.ts";
import { type FolderLock, takeLock } from "./folderLock.ts";
import { redisArguments } from "./redisArguments.ts";
import { findOrUnpackRedis } from "./redisBinary.ts";
import { type GuardedRedis, startGuarded } from "./redisGuard.ts";
import { askRedis, placeSocket, waitUntilNobodyListens } from "./redisSocket.ts";
import { SandboxError } from "./sandboxError.ts";

export type EmbeddedRedis = {
  /** Absolute path of the unix socket. */
  socketPath: string;
  /** Ends Redis, waits for it (12 s at most) and gives the folder free. May be called twice. */
  stop(): Promise<void>;
  /** Calls the listener once if Redis ends without `stop`, at once if it has already. `reason` is what Redis's log said last. */
  onExit(listener: (reason: string) => void): void;
};

/** How long the gateway that holds the folder may take to be gone, if it was killed a moment ago. */
const holderEndTimeoutMs = 1_000;
/** How long a Redis whose gateway was killed may take to end before the next start gives up. */
const previousEndTimeoutMs = 15_000;
/** How long Redis may take to answer at all, and to load what it stored. */
const firstAnswerTimeoutMs = 30_000;
const loadTimeoutMs = 15 * 60_000;

/**
 * Starts Redis on a data folder, and resolves when it answers.
 * @param dataDir made if missing; Redis's files lie in `redis/` inside it
 * @param binaryFolder where a Redis is unpacked to on a machine without one; `redis-binary` in the data folder if not given
 * @param path the value of PATH
 * @param say tells the person at the terminal what takes its time
 * @throws SandboxError for what the person can mend: no Redis to be had, the folder in use or not writable, Redis refusing its files
 */
export async function startEmbeddedRedis(options: {
  dataDir: string;
  binaryFolder?: string;
  path: string;
  log: Log;
  say: (line: string) => void;
}): Promise<EmbeddedRedis> {
  const { path, log, say } = options;
  if (process.platform === "win32") {
    throw new SandboxError("Redis does not run on Windows. Use WSL or a container, or set REDIS_URL to a Redis that already runs.");
  }
  const dataDir = resolve(options.dataDir);
  const redisFolder = join(dataDir, "redis");
  const logFile = join(redisFolder, "redis.log");
  const lock = await claimFolder(dataDir, redisFolder);
  let guarded: GuardedRedis | undefined;
  try {
    const binary = await findOrUnpackRedis({ binaryFolder: options.binaryFolder ?? join(dataDir, "redis-binary"), path, log, say });
    const socketPath = await placeSocket(redisFolder);
    await outlastPreviousRedis(socketPath, redisFolder);
    guarded = await startGuarded({
      binary,
      redisArguments: await redisArguments(redisFolder, socketPath),
      lockFile: join(redisFolder, "redis.lock"),
      logFile,
      path,
    });
    await waitUntilReady({ guarded, socketPath, logFile, say });
    log.info({ program: binary.program, version: binary.version, socketPath }, "embedded Redis is ready");
    return running({ guarded, lock, socketPath, redisFolder });
  } catch (error) {
    await guarded?.end();
    await lock.release();
    throw error;
  }
}

/**
 * The socket of the Redis that a running gateway has on this data folder, for a command beside it; undefined if none answers.
 * @param dataDir as for startEmbeddedRedis
 */
export async function findRunningRedis(dataDir: string): Promise<string | undefined> {
  const redisFolder = join(resolve(dataDir), "redis");
  if (!(await stat(redisFolder).catch(() => undefined))?.isDirectory()) return undefined;
  const socketPath = await placeSocket(redisFolder);
  const asked = await askRedis(socketPath, "PING", 1_000);
  return typeof asked === "object" && asked.answer.startsWith("+PONG") ? socketPath : undefined;
}

function running(options: { guarded: GuardedRedis; lock: FolderLock; socketPath: string; redisFolder: string }): EmbeddedRedis {
  const { guarded, lock, socketPath, redisFolder } = options;
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    await guarded.end();
    const socketFolder = dirname(socketPath);
    if (socketFolder !== redisFolder) await rm(socketFolder, { recursive: true, force: true });
    await lock.release();
  };
  return {
    socketPath,
    stop: async () => {
      stopped ??= stop();
      await stopped;
    },
    onExit: (listener) => {
      void guarded.ended.then(({ lastWords }) => {
        if (!stopped) listener(lastWords);
      });
    },
  };
}

/** Makes the folders and locks Redis's, so that no second gateway comes near it. */
async function claimFolder(dataDir: string, redisFolder: string): Promise<FolderLock> {
  try {
    await mkdir(redisFolder, { recursive: true, mode: 0o700 });
    await chmod(redisFolder, 0o700);
    const taken = await takeLockPatiently(join(redisFolder, "postern.lock"));
    if ("lock" in taken) return taken.lock;
    throw new SandboxError(
      `Another Postern (process ${taken.heldBy}) already uses the data folder ${dataDir}. ` +
        "Stop it first, or set POSTERN_DATA_DIR to a folder of this one's own.",
    );
  } catch (error) {
    if (error instanceof SandboxError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SandboxError(`The data folder ${dataDir} cannot be used (${reason}). Mend that, or set POSTERN_DATA_DIR to another folder.`, {
      cause: error,
    });
  }
}

/** A process that was killed takes a moment to be gone, and its successor may be quicker. */
async function takeLockPatiently(lockFile: string): ReturnType<typeof takeLock> {
  const deadline = Date.now() + holderEndTimeoutMs;
  for (;;) {
    const taken = await takeLock(lockFile);
    if ("lock" in taken || Date.now() >= deadline) return taken;
    await sleep(50);
  }
}

/** A gateway that was killed leaves a Redis that is just ending: two on one folder would ruin the append-only file. */
async function outlastPreviousRedis(socketPath: string, redisFolder: string): Promise<void> {
  if (await waitUntilNobodyListens(socketPath, previousEndTimeoutMs)) return;
  const asked = await askRedis(socketPath, "INFO server", 1_000);
  const pid = typeof asked === "object" ? /process_id:(\d+)/.exec(asked.answer)?.[1] : undefined;
  const way = pid ? `End it with \`kill ${pid}\` and start again.` : "End it and start again.";
  throw new SandboxError(
    `A Redis${pid ? ` (process ${pid})` : ""} still runs on ${redisFolder}, though the Postern that started it is gone. ${way}`,
  );
}

/** Resolves when PING is answered with PONG; until then Redis may be silent for a while, and load (LOADING) for a long while. */
async function waitUntilReady(options: {
  guarded: GuardedRedis;
  socketPath: string;
  logFile: string;
  say: (line: string) => void;
}): Promise<void> {
  const { guarded, socketPath, logFile, say } = options;
  const startedAt = Date.now();
  let lastWords: string | undefined;
  void guarded.ended.then((end) => {
    lastWords = end.lastWords;
  });
  let loading = false;
  while (lastWords === undefined) {
    const asked = await askRedis(socketPath, "PING", 1_000);
    if (typeof asked === "object") {
      if (asked.answer.startsWith("+PONG")) return;
      if (!loading) say("Redis is loading what it stored.");
      loading = true;
    }
    const timeoutMs = loading ? loadTimeoutMs : firstAnswerTimeoutMs;
    if (Date.now() - startedAt > timeoutMs) {
      const words = await guarded.logSays();
      await guarded.end();
      throw new SandboxError(`Redis was not ready within ${timeoutMs / 1000} s. It last said: ${words} (its log: ${logFile})`);
    }
    await sleep(20);
  }
  throw new SandboxError(`Redis did not start: ${(await guarded.ended).lastWords} (its log: ${logFile})`);
}
