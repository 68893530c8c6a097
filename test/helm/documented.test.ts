// The commands that install are ones that Helm and Compose take, with the chart and the file that are here. Nothing is installed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { snippetsFor } from "../support/snippets.ts";

const run = promisify(execFile);
// A module of the build, which has no types.
const { helmProgram } = (await import(new URL("../../.ci/helmProgram.mjs", import.meta.url).href)) as { helmProgram(): string };
const cwd = fileURLToPath(new URL("../..", import.meta.url));
const commands = snippetsFor("an installation").map((it) => ({ ...it, words: it.text.split(/\s+/) }));
const of = (...first: string[]) => commands.filter(({ words }) => first.every((word, index) => words[index] === word));

type Compose = { services: Record<string, { profiles?: string[] }> };

test("every helm command is one of Helm's, and its values are ones that the chart takes", async () => {
  assert.ok(of("helm").length > 0);
  for (const { page, line, words } of of("helm")) {
    const [, verb = "", ...rest] = words;
    const { stdout: help } = await run(helmProgram(), [verb, "--help"]);
    for (const flag of rest.filter((word) => word.startsWith("--"))) assert.ok(help.includes(flag), `${page}:${line}: ${flag}`);
    if (verb !== "install") continue;
    const { stdout } = await run(helmProgram(), ["template", ...rest.filter((word) => word !== "--create-namespace")], {
      cwd,
      maxBuffer: 16 * 1024 ** 2,
    });
    assert.match(stdout, /^kind: Deployment$/m);
  }
  assert.ok(of("helm", "test").length === 0 || readdirSync(new URL("../../helm/templates/tests", import.meta.url)).length > 0);
});

test("every compose command is one of Compose's, with profiles that the file has", async () => {
  assert.ok(of("docker", "compose").length > 0);
  const { services } = parse(readFileSync(new URL("../../compose.yaml", import.meta.url), "utf8")) as Compose;
  const profiles = Object.values(services).flatMap((service) => service.profiles ?? []);
  for (const { page, line, words } of of("docker", "compose")) {
    const at = words.indexOf("up");
    const [options, flags] = [words.slice(2, at), words.slice(at + 1)];
    const { stdout: help } = await run("docker-compose", ["up", "--help"], { cwd });
    for (const flag of flags) assert.ok(help.includes(flag), `${page}:${line}: ${flag}`);
    await run("docker-compose", [...options, "config", "--quiet"], {
      cwd,
      env: { PATH: process.env.PATH, POSTERN_API_KEY: "k".repeat(32) },
    });
    const profile = options[options.indexOf("--profile") + 1];
    assert.ok(!options.includes("--profile") || profiles.includes(profile ?? ""), `${page}:${line}: ${profile}`);
  }
});
