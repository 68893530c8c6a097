// Runs a command of the built product as a person does, and keeps what it says.

import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtProgram } from "./built.ts";
import { temporaryFolder } from "./temporaryFolder.ts";

export type Ended = { code: number | null; out: string; err: string };

export type Running = {
  /** What it has said so far. */
  out(): string;
  err(): string;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
};

type Options = { env?: Record<string, string>; config?: string; input?: string | Buffer };

/**
 * Starts `postern` with these arguments in an empty folder.
 * @param options.env its environment beside PATH and HOME; nothing else is passed on
 * @param options.config the text of a `postern.yaml` in that folder
 * @param options.input what it reads from standard input; default nothing
 */
export async function startPostern(args: string[], { env = {}, config, input = "" }: Options = {}): Promise<Running> {
  const program = await builtProgram();
  const folder = await temporaryFolder({ name: "command" });
  if (config !== undefined) await writeFile(join(folder.path, "postern.yaml"), config);
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder.path,
    env: { PATH: process.env.PATH, HOME: folder.path, TMPDIR: tmpdir(), ...env },
  });
  const said = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.err += text;
  });
  child.stdin.on("error", () => {
    // It ended without reading all of it.
  });
  child.stdin.end(input);
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", async (code) => {
      await folder.remove();
      resolve({ code, ...said });
    });
  });
  return { out: () => said.out, err: () => said.err, kill: (signal) => void child.kill(signal), ended };
}

/** Runs it to its end. */
export async function runPostern(args: string[], options: Options = {}): Promise<Ended> {
  return (await startPostern(args, options)).ended;
}
