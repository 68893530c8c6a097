// Proves what the completion scripts offer: in a real bash, and where they are installed in zsh and fish.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { test } from "node:test";
import { runPostern } from "../support/postern.ts";

async function scriptFor(shell: string): Promise<string> {
  const { code, out } = await runPostern(["completion", shell]);
  assert.equal(code, 0);
  return out;
}

/** What bash offers behind these words; the last one is being typed. */
function offered(script: string, words: string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const program = `${script}\nCOMP_WORDS=(postern ${quoted}); COMP_CWORD=${words.length}; _postern; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const said = execFileSync("bash", ["--norc", "-c", program], { cwd: "/", encoding: "utf8" });
  return said.split("\n").filter((line) => line !== "");
}

test("bash is offered commands, sub-commands, options and their values, and files where files are meant", async () => {
  const script = await scriptFor("bash");
  const commands = offered(script, [""]);
  for (const name of ["start", "doctor", "send", "listen", "top", "keys", "suppressions", "completion"])
    assert.ok(commands.includes(name), name);
  assert.deepEqual(offered(script, ["do"]), ["doctor"]);
  assert.deepEqual(offered(script, ["keys", ""]).sort(), ["create", "help", "list", "revoke"]);
  assert.deepEqual(offered(script, ["keys", "create", "--d"]), ["--domain"]);
  assert.deepEqual(offered(script, ["start", "--role", ""]), ["all", "api", "worker"]);
  assert.deepEqual(offered(script, ["completion", ""]), ["bash", "zsh", "fish"]);
  assert.deepEqual(offered(script, ["send", "--json", "--lane", "t"]), ["transactional"]);
  assert.deepEqual(offered(script, ["suppressions", "import", "et"]), ["etc"]);
  assert.deepEqual(offered(script, ["bounces", "parse", "--json", "et"]), ["etc"]);
});

for (const shell of ["zsh", "fish"]) {
  const isHere = spawnSync(shell, ["-c", "true"]).status === 0;
  test(`${shell} reads its script without a fault`, { skip: isHere ? false : `${shell} is not installed` }, async () => {
    execFileSync(shell, ["-n", "/dev/stdin"], { input: await scriptFor(shell) });
  });
}

test("every command and long option stands in each script", async () => {
  const scripts = await Promise.all(["bash", "zsh", "fish"].map(scriptFor));
  for (const script of scripts) {
    for (const word of ["doctor", "suppressions import", "keys revoke", "forward-to", "idempotency-key", "no-follow"])
      assert.ok(script.includes(word), word);
  }
});

test("a shell that nobody knows is wrong usage", async () => {
  const { code, err } = await runPostern(["completion", "csh"]);
  assert.equal(code, 2);
  assert.match(err, /Allowed choices are bash, zsh, fish/);
});
