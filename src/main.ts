#!/usr/bin/env node
// The command line → a role or a command; signals; the only process.exit.
import { readFileSync } from "node:fs";
import closeWithGrace from "close-with-grace";
import { Command, CommanderError, Option } from "commander";
import { bannerOf } from "./cli/banner.ts";
import { parseBounces } from "./cli/bounces.ts";
import { checkConfig, printConfig } from "./cli/config.ts";
import { doctor } from "./cli/doctor.ts";
import { createKey, listKeys, revokeKey } from "./cli/keys.ts";
import { printOpenApi } from "./cli/openapi.ts";
import type { Terminal } from "./cli/terminal.ts";
import { type Config, type Role, readConfig } from "./config.ts";
import { SandboxError } from "./sandbox/sandboxError.ts";
import { start } from "./start.ts";
import { createLogger } from "./telemetry/logger.ts";

/** Exit codes: 0 fine, 1 it failed, 2 wrong usage or configuration. */
const failed = 1;
const wrongUsage = 2;

/** The whole stop may take so long; sends under way get 18 s of it, webhooks and the rest what is left. */
const stopMsMax = 28_000;

const version = (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;

const terminal: Terminal = {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
};
// A reader that goes away (`postern … | head`) is no fault of ours.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

/** The configuration and what can hardly be meant in it, or the end of the program with every fault named. */
function readConfiguration(role?: Role): { config: Config; warnings: string[] } {
  const read = readConfig({ isTerminal: process.stdout.isTTY === true, ...(role && { role }) });
  if (read.ok) return read;
  for (const fault of read.faults) terminal.err(fault);
  process.exit(wrongUsage);
}

function configuration(): Config {
  return readConfiguration().config;
}

async function serve(role?: Role): Promise<void> {
  const { config, warnings } = readConfiguration(role);
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

const program = new Command("postern")
  .description("The gateway between HTTP and SMTP: post JSON, and know what became of every recipient.")
  .version(version)
  .exitOverride()
  .configureOutput({ writeErr: (text) => terminal.err(text.trimEnd()) })
  .showHelpAfterError("(postern --help lists the commands)");

program
  .command("start")
  .description("start the service")
  .addOption(new Option("--role <role>", "what this process does").choices(["all", "api", "worker"]))
  .action(({ role }: { role?: Role }) => serve(role));

const config = program.command("config").description("look at the configuration");
config
  .command("check")
  .description("say every fault of the configuration")
  .action(() => run(() => checkConfig(terminal)));
config
  .command("print")
  .description("print the effective configuration, secrets masked")
  .action(() => run(() => printConfig(terminal)));

const keys = program.command("keys").description("API keys");
const tenantOption = ["--tenant <name>", "whose key it is", "default"] as const;
keys
  .command("create")
  .description("make a key and print it; it is shown only now")
  .option(...tenantOption)
  .option("--name <name>", "what the key is for", "")
  .option("--scope <scope...>", "send, read, manage, operator", ["send", "read"])
  .option("--domain <domain...>", "sender domains that the key may use (*.example.com for sub-domains); default: any")
  .option("--relay <relay...>", "relays that the key may name in a message")
  .option("--json", "print JSON")
  .action((options) => run(() => createKey(terminal, configuration(), options)));
keys
  .command("list")
  .description("list a tenant's keys")
  .option(...tenantOption)
  .option("--json", "print JSON")
  .action((options) => run(() => listKeys(terminal, configuration(), options)));
keys
  .command("revoke <id>")
  .description("end a key at once")
  .option(...tenantOption)
  .action((id: string, options) => run(() => revokeKey(terminal, configuration(), id, options)));

program
  .command("bounces")
  .description("delivery reports, complaints and automatic replies")
  .command("parse <file...>")
  .description("say what reports mean, one JSON line a file; - is standard input")
  .action((files: string[]) => run(() => parseBounces(terminal, files)));

program
  .command("doctor")
  .description("look for faults in everything that sending stands on, and say how to mend each; nothing is sent")
  .option("--dns <server>", "ask this DNS server (IP address, with or without a port)")
  .option("--from <domain...>", "sender domains to check beside those of DKIM keys and routes")
  .option("--json", "print JSON")
  .action((options) => run(() => doctor(terminal, configuration(), options)));

program
  .command("openapi")
  .description("print the OpenAPI 3.1 document")
  .action(() => run(() => printOpenApi(terminal)));

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : wrongUsage;
}
