// `postern config check` and `postern config print`.
import { parse } from "yaml";
import { printableConfig } from "../config/print.ts";
import { readConfig } from "../config.ts";
import type { Terminal } from "./terminal.ts";

type Options = { json?: boolean };

/** Says every fault, and what can hardly be meant. 0 if there is no fault, else 2. */
export function checkConfig(terminal: Terminal, { json = false }: Options): number {
  const read = readConfig({});
  const [faults, warnings] = read.ok ? [[], read.warnings] : [read.faults, []];
  if (json) terminal.out(JSON.stringify({ ok: read.ok, faults, warnings }));
  else if (read.ok) {
    for (const warning of warnings) terminal.err(`warning: ${warning}`);
    terminal.out(warnings.length === 0 ? "The configuration is fine." : "The configuration works, but for the warnings.");
  }
  if (!json) for (const fault of faults) terminal.err(fault);
  return read.ok ? 0 : 2;
}

/** Prints the effective configuration as YAML, or as JSON, secrets masked. */
export function printConfig(terminal: Terminal, { json = false }: Options): number {
  const read = readConfig({});
  if (!read.ok) return checkConfig(terminal, {});
  const text = printableConfig(read.config).trimEnd();
  terminal.out(json ? JSON.stringify(parse(text)) : text);
  return 0;
}
