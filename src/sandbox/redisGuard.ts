// Runs Redis behind a guard, a small shell that shares no fate with the gateway's terminal and ends Redis when the gateway is gone,
// however it went: a `kill -9` runs no handler, but it closes the gateway's end of the guard's standard input.
import { spawn } from "node:child_process";
import { open, readFile, stat } from "node:fs/promises";
import type { RedisBinary } from "./redisBinary.ts";

/**
 * $1 is the file to lock, the rest is the command. Three processes: the shell waits for Redis; a subshell sits in `read` until the
 * standard input closes, then asks Redis to end, which makes it close its append-only file properly.
 * - The signals that a terminal or a shutting-down system sends to whole groups are ignored: Redis has to outlive the gateway's
 *   draining. (Redis sets its own handlers for TERM and INT; the guard and Redis have a session of their own besides.)
 * - flock(1), where there is one, keeps a second Redis off the folder by a lock of the kernel's. Redis inherits it, so that it lasts
 *   as long as Redis itself even if every shell was killed, and it also holds between containers, where process ids mean nothing.
 */
const guardScript = `
trap '' HUP INT QUIT TERM PIPE TSTP
exec 3<&0 </dev/null 9>>"$1"
shift
if command -v flock >/dev/null 2>&1; then
  flock -n 9 2>/dev/null || { echo "Another process still uses this folder; waiting for it to end."; flock 9 2>/dev/null; }
fi
"$@" 3<&- &
redis=$!
( exec 9>&-; while read -r _; do :; done <&3; kill -TERM "$redis" ) &
watcher=$!
wait "$redis"
status=$?
kill -KILL "$watcher" 2>/dev/null
exit "$status"
`;

/** Redis's log is begun anew at a start that finds it larger than this. */
const logBytesMax = 4 * 1024 * 1024;

/** After a polite request to end, Redis has this long before it is killed; everything it acknowledged is on disk already. */
const endTimeoutMs = 10_000;

export type GuardedRedis = {
  /** Resolves when Redis has ended, for whatever reason, with its last words. Never rejects. */
  ended: Promise<{ lastWords: string }>;
  /** What the log says last, while Redis still runs. */
  logSays(): Promise<string>;
  /** Ends Redis and waits until it has ended. May be called twice. */
  end(): Promise<void>;
};

/**
 * Starts Redis behind its guard; it may not be ready yet, or fail a moment later: watch `ended`.
 * @param lockFile made if missing; locked with flock(1) while Redis lives
 * @param logFile takes what Redis prints
 * @param path the value of PATH, for the guard to find flock
 */
export async function startGuarded(options: {
  binary: RedisBinary;
  redisArguments: string[];
  lockFile: string;
  logFile: string;
  path: string;
}): Promise<GuardedRedis> {
  const { binary, redisArguments, lockFile, logFile, path } = options;
  const previousBytes = await stat(logFile).then(
    (found) => found.size,
    () => 0,
  );
  const output = await open(logFile, previousBytes > logBytesMax ? "w" : "a", 0o600);
  const guard = spawn("/bin/sh", ["-c", guardScript, "postern-redis-guard", lockFile, binary.program, ...redisArguments], {
    cwd: binary.cwd ?? "/",
    // Nothing of the gateway's environment: secrets in it are not Redis's business.
    env: { PATH: path, ...(binary.libraryPath ? { LD_LIBRARY_PATH: binary.libraryPath } : {}) },
    detached: true,
    stdio: ["pipe", output.fd, output.fd],
  });
  // A guard that is gone makes the pipe fail; its end is told by `exit`.
  guard.stdin?.on("error", () => {});
  const ended = new Promise<{ lastWords: string }>((resolve) => {
    guard.once("exit", (status) => resolve(lastWordsOf(status, logFile)));
    guard.once("error", (error) => resolve({ lastWords: error.message }));
  });
  await output.close();

  const end = async () => {
    guard.stdin?.end();
    const overtime = setTimeout(() => {
      // The guard leads a group of its own: this reaches Redis and both shells.
      if (guard.pid !== undefined && guard.exitCode === null && guard.signalCode === null) process.kill(-guard.pid, "SIGKILL");
    }, endTimeoutMs);
    await ended;
    clearTimeout(overtime);
  };
  return { ended, end, logSays: async () => await endOfLog(logFile) };
}

/** Killed by a signal, Redis says nothing, and the shell's exit status is 128 and the signal's number. */
async function lastWordsOf(status: number | null, logFile: string): Promise<{ lastWords: string }> {
  if (status === null || status > 128) return { lastWords: `it was killed by signal ${status === null ? "KILL" : status - 128}` };
  return { lastWords: (await endOfLog(logFile)) || `it ended with status ${status}` };
}

/** The last two lines (Redis often says what happened in one and that it gives up in the next), without process id and date. */
async function endOfLog(logFile: string): Promise<string> {
  const lines = (await readFile(logFile, "utf8").catch(() => "")).split("\n").filter((line) => line.trim() !== "");
  const words = lines.slice(-2).map((line) => line.replace(/^\d+:[A-Z] .*? [.\-*#] /, "").trim());
  return words.join(" ");
}
