// The built product, as users run it.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { oneAtATime } from "./oneAtATime.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

let built: Promise<string> | undefined;

/**
 * The absolute path of `dist/main.js`, after the build, which does nothing while dist belongs to the sources. Asked once per
 * test process; parallel ones take turns.
 * @throws Error with the build's output
 */
export function builtProgram(): Promise<string> {
  built ??= oneAtATime(`build of ${root}`, async () => {
    await promisify(execFile)(process.execPath, [`${root}.ci/build.mjs`]).catch((fault: Error & { stdout: string; stderr: string }) => {
      throw new Error(`the build failed:\n${fault.stdout}${fault.stderr}`, { cause: fault });
    });
    return `${root}dist/main.js`;
  });
  return built;
}
