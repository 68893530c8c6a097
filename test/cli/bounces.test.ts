// Proves what `postern bounces parse` prints, where, and with which exit code: the whole program, as people run it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const folder = fileURLToPath(new URL("../bounces/fixtures", import.meta.url));
const bounce = `${folder}/postfix-user-unknown.eml`;
const vacation = `${folder}/auto-reply-vacation.eml`;

function run(files: string[], input?: Buffer) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", main, "bounces", "parse", ...files], { input });
  return { status, out: stdout.toString(), err: stderr.toString() };
}

test("each file becomes one JSON line, in order, and whatever its kind the command succeeds", () => {
  const { status, out, err } = run([bounce, vacation]);
  assert.deepEqual({ status, err }, { status: 0, err: "" });
  const lines = out.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      {
        file: bounce,
        kind: "bounce",
        reports: [
          {
            recipient: "user@example.com",
            action: "failed",
            category: "invalid_recipient",
            hard_bounce: true,
            reply: {
              code: 550,
              enhanced: "5.1.1",
              text: "<user@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
            },
          },
        ],
      },
      { file: vacation, kind: "auto_reply", reports: [] },
    ],
  );
});

test("a file that cannot be read is one readable line, and the others are parsed all the same", () => {
  const { status, out, err } = run([folder, `${folder}/none.eml`, bounce]);
  assert.equal(status, 1);
  assert.equal(err, `${folder}: it is a directory: name the files in it\n${folder}/none.eml: there is no such file\n`);
  assert.equal(JSON.parse(out).file, bounce);
});

test("- reads a report from standard input", () => {
  const { status, out } = run(["-"], readFileSync(bounce));
  assert.equal(status, 0);
  const { file, kind } = JSON.parse(out) as { file: string; kind: string };
  assert.deepEqual({ file, kind }, { file: "-", kind: "bounce" });
});

test("without a file the command says what is missing and ends as wrong usage", () => {
  const { status, err } = run([]);
  assert.equal(status, 2);
  assert.match(err, /missing required argument 'file'/);
});
