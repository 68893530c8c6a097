// Servers that run as processes of their own: started with a clean environment, ended by stop(), and ended too when the
// test process dies in whatever way. For the last a tiny shell stands guard: it waits for the end of a pipe that only we hold.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { waitFor } from "./waitFor.ts";

export type ExitStatus = { code: number | null; signal: NodeJS.Signals | null };

export type RunningProcess = {
  readonly pid: number;
  /** Resolves when the process has ended and its output is read. */
  readonly exited: Promise<ExitStatus>;
  /** Undefined while it runs. */
  exitStatus(): ExitStatus | undefined;
  /** Every line of stdout and stderr so far, in the order of arrival. */
  lines(): string[];
  /** Does nothing when the process has ended already. */
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, after `graceMs` SIGKILL; then SIGKILL for whoever is left of its process group. Idempotent. */
  stop(graceMs?: number): Promise<void>;
};

/**
 * Starts a program in a process group of its own.
 * @param options.env its whole environment; nothing is inherited
 * @param options.removeOnDeath a temporary folder that the guard removes if the test process dies
 * @throws Error if the program cannot be started at all
 */
export async function startProcess(options: {
  command: string;
  args: string[];
  env?: Record<string, string>;
  cwd?: string;
  removeOnDeath?: string;
}): Promise<RunningProcess> {
  const { command, args, env = {}, cwd = "/", removeOnDeath } = options;
  const child = spawn(command, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) => reject(new Error(`cannot start ${command}: ${cause.message}`, { cause })));
  });
  const pid = child.pid as number;
  const releaseGuard = standGuard({ pid, removeOnDeath });

  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on("line", (line) => lines.push(line));
  let status: ExitStatus | undefined;
  let groupIsGone = false;
  const exited = new Promise<ExitStatus>((resolve) => {
    const closed = new Promise<void>((done) => child.once("close", () => done()));
    child.once("exit", async (code, signal) => {
      status = { code, signal };
      // A grandchild that outlives it may hold its output open, so the rest of the output is not waited for at any price.
      await Promise.race([closed, new Promise((done) => setTimeout(done, 200).unref())]);
      groupIsGone = !isAlive(-pid);
      if (groupIsGone) releaseGuard();
      resolve(status);
    });
  });

  const kill = (signal: NodeJS.Signals) => {
    if (!status) child.kill(signal);
  };
  const stop = async (graceMs = 10_000) => {
    kill("SIGTERM");
    // A process that was stopped takes no SIGTERM until it goes on.
    kill("SIGCONT");
    const force = setTimeout(() => killGroup(pid), graceMs);
    await exited;
    clearTimeout(force);
    // Once the group is gone, its number may come to belong to somebody else.
    if (!groupIsGone) killGroup(pid);
    groupIsGone = true;
    releaseGuard();
  };
  return { pid, exited, exitStatus: () => status, lines: () => lines, kill, stop };
}

/**
 * Kills the process group `pid` with SIGKILL, and removes the folder, when this process ends before it has let go.
 * @returns lets go: call it when the guarded process has ended
 */
function standGuard(options: { pid: number; removeOnDeath: string | undefined }): () => void {
  const script = `read -r done && exit; kill -s KILL -- "-$1"; [ -z "$2" ] || { sleep 0.2; rm -rf -- "$2"; }`;
  const guard = spawn("/bin/sh", ["-c", script, "guard", String(options.pid), options.removeOnDeath ?? ""], {
    env: { PATH: "/usr/bin:/bin" },
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
    // Out of our process group: Ctrl-C must not end the guard before it has done its work.
    detached: true,
  });
  guard.on("error", (cause) => {
    throw new Error("cannot start the guard of a test process", { cause });
  });
  guard.unref();
  const pipe = guard.stdin;
  pipe.on("error", () => {});
  (pipe as unknown as { unref(): void }).unref();
  return () => void pipe.end("done\n");
}

/** Whether a process (or, for a negative id, anyone of a process group) is alive. A zombie counts as alive until it is reaped. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Resolves when no such process (or group, for a negative id) is left. */
export async function untilGone(pid: number, timeoutMs = 5_000): Promise<void> {
  await waitFor(() => !isAlive(pid), { what: `process ${pid} to be gone`, timeoutMs });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== "ESRCH") throw fault;
  }
}
