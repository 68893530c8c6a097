// Runs one of the system's small programs (apt-get, dpkg, ps, Redis itself to ask its version) and waits for its end.
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

/** How a program ended. `ok` is false for a non-zero exit, a signal, the time limit, or a program that cannot be started. */
export type ProgramResult = { ok: boolean; stdout: string; stderr: string };

/**
 * Sets what stands before the "--" and becomes the program behind it. A shell, because execFile's own option would replace the inherited
 * environment, and with it a proxy that apt-get needs, and env(1) cannot run a program whose path has an equals sign.
 */
const withVariables = 'while [ "$1" != -- ]; do export "$1"; shift; done; shift; exec "$@"';

/**
 * Runs a program to its end; never rejects.
 * @param options.cwd folder to run in
 * @param options.variables environment variables that are set beside the inherited ones (LC_ALL is always C, so that output can be parsed)
 * @param options.timeoutMs after this it is killed
 */
export async function runProgram(
  program: string,
  args: string[],
  options: { cwd?: string; variables?: Record<string, string>; timeoutMs: number },
): Promise<ProgramResult> {
  const assignments = Object.entries({ LC_ALL: "C", ...options.variables }).map(([name, value]) => `${name}=${value}`);
  return await new Promise((resolve) => {
    execFile(
      "/bin/sh",
      ["-c", withVariables, "sh", ...assignments, "--", program, ...args],
      {
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        timeout: options.timeoutMs,
        killSignal: "SIGKILL",
        maxBuffer: 16 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        const overtime = error?.killed ? `${program} took longer than ${options.timeoutMs / 1000} s` : "";
        resolve({ ok: error === null, stdout, stderr: overtime || stderr || (error?.message ?? "") });
      },
    );
  });
}

/**
 * The absolute paths at which a program can be executed, in the order of the search path.
 * @param path the value of PATH; relative folders in it are passed over
 */
export async function findOnPath(program: string, path: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of path.split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const candidate = join(folder, program);
    try {
      await access(candidate, constants.X_OK);
      if ((await stat(candidate)).isFile()) found.push(candidate);
    } catch {
      // Not here: the next folder may have it.
    }
  }
  return found;
}
