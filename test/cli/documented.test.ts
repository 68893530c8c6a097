// Every command line in the documentation is one that the program takes, with options that it has; and every command that there is stands
// in docs/cli.md.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Command } from "commander";
import { createProgram } from "../../src/cli/program.ts";
import { variableNames } from "../../src/config/variables.ts";
import { snippetsFor } from "../support/snippets.ts";

const document = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");
const lines = snippetsFor("a command line");

/** A program whose commands do nothing; it throws for what it does not take. */
function idleProgram(): { program: Command; runs(): number } {
  let runs = 0;
  const idle = async () => {
    runs += 1;
  };
  const terminal = {
    out: () => {},
    err: () => {},
    write: async () => true,
    isLive: false,
    isLiveErr: false,
    screen: () => ({ draw() {}, end() {} }),
  };
  const configuration = () => Promise.reject(new Error("not asked for"));
  return { program: createProgram({ terminal, version: "0", serve: idle, run: idle, configuration }), runs: () => runs };
}

/** The words of a shell's line behind `postern`, whatever is piped into it. */
function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
  return words.slice(words.indexOf("postern") + 1);
}

test("every command line is taken by the program", async () => {
  assert.ok(lines.length > 15);
  for (const { page, text: line } of lines) {
    const { program, runs } = idleProgram();
    await program.parseAsync(wordsOf(line), { from: "user" });
    assert.equal(runs(), 1, `${page}: ${line}`);
  }
});

test("no command is missing", () => {
  const named = new Set(
    lines
      .filter(({ page }) => page === "docs/cli.md")
      .map(({ text }) => wordsOf(text))
      .flatMap(([first = "", second = ""]) => [first, `${first} ${second}`]),
  );
  for (const command of idleProgram().program.commands) {
    for (const path of command.commands.length > 0
      ? command.commands.map((child) => `${command.name()} ${child.name()}`)
      : [command.name()]) {
      assert.ok(named.has(path), path);
    }
  }
});

test("the variables that it names are real", () => {
  const names = [...document.matchAll(/`(POSTERN_[A-Z_]+|RETURN_PATH_DOMAIN)`/g)].map(([, name = ""]) => name.replace(/_FILE$/, ""));
  assert.ok(names.length > 0);
  for (const name of names) assert.ok((variableNames as string[]).includes(name), name);
});
