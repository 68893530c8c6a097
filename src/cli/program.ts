// The commands: what each is called and takes, and which function does it. Each loads what it needs when it is called: all of it takes a
// second, and a person waits.
import { Argument, Command, Option } from "commander";
import type { Config, Role } from "../config.ts";
import { printCompletion, type Shell, shells } from "./completion.ts";
import type { Remote } from "./remote.ts";
import type { Terminal } from "./terminal.ts";

/** What the program needs of whoever runs it. */
export type Runner = {
  terminal: Terminal;
  version: string;
  /** Starts the service. */
  serve(role?: Role): Promise<void>;
  /** Runs a command to its exit code; a fault is one readable line. */
  run(command: () => number | Promise<number>): Promise<void>;
  /** The whole configuration; ends the program where it has a fault. */
  configuration(): Promise<Config>;
};

/** Describes every command. */
export function createProgram({ terminal, version, serve, run, configuration }: Runner): Command {
  /** A command that talks to a running gateway. */
  const remotely = (command: (remote: Remote) => Promise<number>) =>
    run(async () => {
      const { openRemote } = await import("./remote.ts");
      const opened = await openRemote();
      if (!opened.ok) {
        for (const fault of opened.faults) terminal.err(fault);
        return 2;
      }
      try {
        return await command(opened.remote);
      } finally {
        await opened.remote.close();
      }
    });

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
    .option("--json", "print JSON")
    .action((options) => run(async () => (await import("./config.ts")).checkConfig(terminal, options)));
  config
    .command("print")
    .description("print the effective configuration, secrets masked")
    .option("--json", "print JSON in place of YAML")
    .action((options) => run(async () => (await import("./config.ts")).printConfig(terminal, options)));

  program
    .command("doctor")
    .description("look for faults in everything that sending stands on, and say how to mend each; nothing is sent")
    .option("--dns <server>", "ask this DNS server: its IP address, with or without a port")
    .option("--from <domain...>", "sender domains to look at, beside those of DKIM keys and routes")
    .option("--json", "print JSON")
    .action((options) => run(async () => (await import("./doctor.ts")).doctor(terminal, await configuration(), options)));

  program
    .command("send")
    .description("send one message through a running gateway, and follow each recipient to the end")
    .option("--from <address>", "the sender")
    .option("--to <address...>", "recipients")
    .option("--cc <address...>", "recipients of a copy")
    .option("--bcc <address...>", "recipients that the others do not see")
    .option("--subject <text>", "the subject")
    .option("--text <text>", "the text, or @FILE; else it is read from standard input")
    .option("--html <text>", "the text as HTML, or @FILE")
    .option("--attach <file...>", "files to attach")
    .option("--header <line...>", 'further header fields, like "X-Campaign: autumn"')
    .option("--tag <tag...>", "tags")
    .addOption(new Option("--lane <lane>", "the lane").choices(["transactional", "broadcast"]))
    .option("--relay <name>", "the relay, for keys that may name one")
    .option("--send-at <time>", "when to send it (RFC 3339)")
    .option("--request <file>", "take the whole request (JSON) from a file, or - for standard input; the other options count more")
    .option("--idempotency-key <key>", "the same key never sends twice; one is made otherwise")
    .option("--timeout <duration>", "follow it for so long, like 30s or 10m (default: 1h)")
    .option("--no-follow", "do not wait for what becomes of it")
    .option("--json", "print each event as a line of JSON")
    .action((options) => remotely(async (remote) => (await import("./send.ts")).send(terminal, remote, options)));

  program
    .command("listen")
    .description("forward events to a local app as they happen, signed as webhooks are")
    .requiredOption("--forward-to <url>", "where to post them, like http://localhost:3000/hook")
    .option("--events <type...>", "only events of these types, like message.bounced; default all")
    .option("--after <event>", "begin behind the event with this id; default now")
    .option("--secret <secret>", "sign with this (whsec_…) in place of one that is made of the key")
    .option("--json", "print each event as a line of JSON")
    .action((options) => remotely(async (remote) => (await import("./listen.ts")).listen(terminal, remote, options, version)));

  program
    .command("top")
    .description("watch relays and queues")
    .option("--once", "print them once; so it is without a terminal")
    .option("--interval <seconds>", "how often to look (default: 1)")
    .option("--json", "print a line of JSON each time")
    .action((options) => remotely(async (remote) => (await import("./top.ts")).top(terminal, remote, options)));

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
    .action((options) => run(async () => (await import("./keys.ts")).createKey(terminal, await configuration(), options)));
  keys
    .command("list")
    .description("list a tenant's keys")
    .option(...tenantOption)
    .option("--json", "print JSON")
    .action((options) => run(async () => (await import("./keys.ts")).listKeys(terminal, await configuration(), options)));
  keys
    .command("revoke <id>")
    .description("end a key at once")
    .option(...tenantOption)
    .option("--json", "print JSON")
    .action((id: string, options) => run(async () => (await import("./keys.ts")).revokeKey(terminal, await configuration(), id, options)));

  const suppressions = program.command("suppressions").description("addresses that are not written to");
  suppressions
    .command("import <file>")
    .description("import a CSV file; - is standard input")
    .option("--json", "print JSON")
    .action((file: string, options) =>
      remotely(async (remote) => (await import("./suppressions.ts")).importSuppressions(terminal, remote, file, options)),
    );
  suppressions
    .command("export [file]")
    .description("write all of them as CSV, to a file or to standard output")
    .action((file: string | undefined) =>
      remotely(async (remote) => (await import("./suppressions.ts")).exportSuppressions(terminal, remote, file)),
    );

  program
    .command("bounces")
    .description("delivery reports, complaints and automatic replies")
    .command("parse <file...>")
    .description("say what reports mean, one JSON line a file; - is standard input")
    .action((files: string[]) => run(async () => (await import("./bounces.ts")).parseBounces(terminal, files)));

  program
    .command("openapi")
    .description("print the OpenAPI 3.1 document")
    .action(() => run(async () => (await import("./openapi.ts")).printOpenApi(terminal)));

  program
    .command("completion")
    .description("print a script by which a shell completes these commands")
    .addArgument(new Argument("<shell>").choices(shells))
    .action((shell: Shell) => run(() => printCompletion(terminal, program, shell)));

  return program;
}
