#!/usr/bin/env node
// The command line → a role or a command; signals; the only process.exit.
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { CommanderError } from "commander";
import { createProgram } from "./cli/program.ts";
import { createScreen, harmless, type Terminal } from "./cli/terminal.ts";
import type { Config, Role } from "./config.ts";

// V8 puts what often lives long where only a major collection looks. A request that one such thing points to stays until then, with all that it
// holds: minor collections took three times as long, and major ones came five times as often.
setFlagsFromString("--no-allocation-site-pretenuring");

/** Exit codes: 0 fine, 1 it failed, 2 wrong usage or configuration. */
const failed = 1;
const wrongUsage = 2;

/** The whole stop may take so long; sends under way get 18 s of it, webhooks and the rest what is left. */
const stopMsMax = 28_000;

const version = (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;

const say = (stream: NodeJS.WriteStream, line: string) => void stream.write(`${stream.isTTY ? harmless(line) : line}\n`);
const terminal: Terminal = {
  out: (line) => say(process.stdout, line),
  err: (line) => say(process.stderr, line),
  write: (bytes) => new Promise((resolve) => process.stdout.write(bytes, (error) => resolve(!error))),
  isLive: process.stdout.isTTY === true,
  isLiveErr: process.stderr.isTTY === true,
  screen: () => createScreen(process.stdout),
};
// A reader that goes away (`postern … | head`) is no fault of ours.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

/** The configuration and what can hardly be meant in it, or the end of the program with every fault named. */
async function readConfiguration(role?: Role): Promise<{ config: Config; warnings: string[] }> {
  const { readConfig } = await import("./config.ts");
  const read = readConfig({ isTerminal: process.stdout.isTTY === true, ...(role && { role }) });
  if (read.ok) return read;
  for (const fault of read.faults) terminal.err(fault);
  process.exit(wrongUsage);
}

async function configuration(): Promise<Config> {
  return (await readConfiguration()).config;
}

async function serve(role?: Role): Promise<void> {
  // Loaded here and not by every command, for which a person waits.
  const [{ default: closeWithGrace }, { bannerOf }, { SandboxError }, { start }, { createLogger }] = await Promise.all([
    import("close-with-grace"),
    import("./cli/banner.ts"),
    import("./sandbox/sandboxError.ts"),
    import("./start.ts"),
    import("./telemetry/logger.ts"),
  ]);
  const { config, warnings } = await readConfiguration(role);
  const log = createLogger(config.log);
  for (const warning of warnings) log.warn({}, warning);
  let end: (code: number) => void = () => process.exit(failed);
  try {
    const running = await start(config, {
      log,
      version,
      say: terminal.out,
      onFailure: (error) => {
        log.error({ err: error }, "a part ended that nothing works without");
        end(failed);
      },
    });
    const grace = closeWithGrace({ delay: stopMsMax, logger: undefined }, async ({ signal, err }) => {
      if (err) log.error({ err }, "an error that nobody caught");
      else log.info({ signal }, "stopping");
      await running.stop();
      if (!err) log.info({}, "stopped");
    });
    end = (code) => {
      process.exitCode = code;
      grace.close();
    };
    if (!config.production) for (const line of bannerOf(config, running)) terminal.out(line);
  } catch (error) {
    if (error instanceof SandboxError) terminal.err(error.message);
    else log.error({ err: error }, "Postern did not start");
    process.exit(failed);
  }
}

/** Runs a command to its exit code; a fault is one readable line. */
async function run(command: () => number | Promise<number>): Promise<void> {
  try {
    process.exitCode = await command();
  } catch (error) {
    terminal.err(error instanceof Error ? error.message : String(error));
    process.exitCode = failed;
  }
}

const program = createProgram({ terminal, version, serve, run, configuration });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : wrongUsage;
}
