// Proves what `postern config check` says where, and with which exit code: the whole program, as people run it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const tsx = fileURLToPath(import.meta.resolve("tsx"));

/** Runs the check in a folder with this file. */
async function check(yaml: string) {
  const folder = await temporaryFolder({ name: "config" });
  writeFileSync(join(folder.path, "postern.yaml"), yaml);
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", tsx, main, "config", "check"], {
    cwd: folder.path,
    env: { PATH: process.env.PATH },
  });
  await folder.remove();
  return { status, out: stdout.toString(), err: stderr.toString() };
}

const relays = "relays: { ses: { host: ses.example }, office: { host: o.example } }\n";

test("a configuration without a flaw is fine", async () => {
  assert.deepEqual(await check(relays), { status: 0, out: "The configuration is fine.\n", err: "" });
});

test("rules that never match and relays that nobody uses are warnings, and no failure", async () => {
  assert.deepEqual(await check(`${relays}routes: [{ relays: [ses] }, { tag: x, relays: [ses] }]`), {
    status: 0,
    out: "The configuration works, but for the warnings.\n",
    err:
      "warning: postern.yaml: relays.office: no rule of routes that can match uses this relay: only messages that name it go there\n" +
      "warning: postern.yaml: routes[1]: can never match, because routes[0] takes everything that it would: move it up, or leave it out\n",
  });
});

test("faults are a failure", async () => {
  assert.deepEqual(await check(`${relays}routes: [{ lane: fast, relays: [ses] }]`), {
    status: 2,
    out: "",
    err: "postern.yaml: routes[0].lane: must be one of transactional, broadcast\n",
  });
});
