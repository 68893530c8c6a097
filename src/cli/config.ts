// `postern config check` and `postern config print`.
import { printableConfig } from "../config/print.ts";
import { readConfig } from "../config.ts";
import type { Terminal } from "./terminal.ts";

/** Says every fault, and what can hardly be meant. 0 if there is no fault, else 2. */
export function checkConfig(terminal: Terminal): number {
  const read = readConfig({});
  if (read.ok) {
    for (const warning of read.warnings) terminal.err(`warning: ${warning}`);
    terminal.out(read.warnings.length === 0 ? "The configuration is fine." : "The configuration works, but for the warnings.");
    return 0;
  }
  for (const fault of read.faults) terminal.err(fault);
  return 2;
}

/** Prints the effective configuration as YAML, secrets masked. */
export function printConfig(terminal: Terminal): number {
  const read = readConfig({});
  if (!read.ok) return checkConfig(terminal);
  terminal.out(printableConfig(read.config).trimEnd());
  return 0;
}
