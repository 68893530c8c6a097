// A machine with nothing on it but Node: one command, and mail can be sent, looked at, and is still there after every kind of end.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import type { MessageView } from "../../src/domain/messageView.ts";
import { atEndOf } from "../support/atEnd.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { eventsOf, sendEach, testMessage } from "../support/mailing.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { waitFor } from "../support/waitFor.ts";

const run = promisify(execFile);

type Captured = { data: { id: string; envelope: { from: string; to: string[] }; subject: string }[] };

/** A PATH with everything of this machine but a Redis: the folders that have one are replaced by links to the rest of them. */
async function pathWithoutRedis(folder: string): Promise<string> {
  const isRedis = (name: string) => /^(redis|valkey)-server$/.test(name);
  const path: string[] = [];
  for (const original of [dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]) {
    const names = await readdir(original).catch(() => []);
    if (!names.some(isRedis)) {
      path.push(original);
      continue;
    }
    const links = join(folder, original.replaceAll("/", "_"));
    await mkdir(links);
    for (const name of names.filter((it) => !isRedis(it))) await symlink(join(original, name), join(links, name));
    path.push(links);
  }
  return path.join(delimiter);
}

/** The command of the banner as a person would copy it: from the line that begins with curl to the first that does not go on. */
function commandIn(lines: string[], part: string): string {
  const first = lines.findIndex((line) => line.startsWith("curl ") && line.includes(part));
  assert.ok(first >= 0, `the banner has no curl command with ${part}`);
  const length = lines.slice(first).findIndex((line) => !line.endsWith("\\")) + 1;
  return lines.slice(first, first + length).join("\n");
}

async function capturedSubjects(gateway: Gateway): Promise<string[]> {
  const { status, body } = await gateway.get<Captured>("/v1/captured?limit=100");
  assert.equal(status, 200);
  return body.data.map(({ subject }) => subject);
}

const onlyRecipient = ({ recipients }: MessageView) => recipients[0] as MessageView["recipients"][number];

describe("the sandbox", { concurrency: 2 }, () => {
  test("starts in an empty folder on a machine without Redis; the banner's command sends a mail, which is captured and survives each end", async (t) => {
    const atEnd = atEndOf(t);
    const home = await temporaryFolder({ name: "sandbox" });
    atEnd(home.remove);
    const env = {
      // Elsewhere than on Debian and Ubuntu a Redis has to be installed.
      ...(existsSync("/usr/bin/apt-get") && { PATH: await pathWithoutRedis(home.path) }),
      POSTERN_DATA_DIR: join(home.path, ".postern"),
      POSTERN_API_KEY: "",
    };
    const start = async () => {
      const gateway = await startGateway({ env });
      atEnd(() => gateway.stop());
      return gateway;
    };
    const first = await start();
    const command = await waitFor(() => commandIn(first.logs(), "/v1/messages"), { what: "the banner" });
    for (const text of ["Dashboard", "API docs", "API key"])
      assert.ok(
        first.logs().some((line) => line.includes(text)),
        text,
      );
    // The command is run as it stands; that curl adds the status to its output is a setting of its own.
    await writeFile(join(home.path, ".curlrc"), 'write-out = "\\n%{http_code}"\n');
    const sh = async (script: string) => {
      const { stdout } = await run("/bin/sh", ["-c", script], { env: { PATH: "/usr/bin:/bin", HOME: home.path }, timeout: 10_000 });
      const [, body = "", status = ""] = /^(.*)\n(\d+)$/s.exec(stdout) ?? [];
      return { status, body: JSON.parse(body) };
    };
    const posted = await sh(command);
    assert.equal(posted.status, "202");
    const { id } = posted.body as MessageView;
    assert.equal((await first.messageSettled(id)).status, "sent");
    const shown = await sh(commandIn(first.logs(), "/v1/captured"));
    assert.equal(shown.status, "200");
    assert.deepEqual(
      (shown.body as Captured).data.map(({ subject, envelope }) => [subject, envelope.to]),
      [["Hello", ["delivered@sandbox.test"]]],
    );
    for (const path of ["/", "/docs", "/openapi.json", "/livez", "/readyz"]) {
      const { status } = await fetch(`${first.url}${path}`);
      assert.equal(status, 200, path);
    }

    const second = await startGateway({ env }).then(
      async (gateway) => {
        await gateway.stop();
        return "it started";
      },
      (fault: Error) => fault.message,
    );
    const [how, ...said] = second.split("\n");
    assert.match(how ?? "", /ended with code 1 /);
    assert.deepEqual(said.length, 1, second);
    assert.match(said[0] ?? "", /already uses the data folder .*POSTERN_DATA_DIR/);

    first.kill("SIGTERM");
    assert.deepEqual(await first.exited, { code: 0, signal: null });
    const third = await start();
    assert.equal(third.apiKey, first.apiKey, "the key is kept");
    assert.equal(onlyRecipient(await third.messageSettled(id)).status, "sent");
    assert.deepEqual(await capturedSubjects(third), ["Hello"]);

    const [last] = await sendEach(third, [
      testMessage("before the kill", "a@example.net", { send_at: new Date(Date.now() + 1_000).toISOString() }),
    ]);
    third.kill("SIGKILL");
    await third.exited;
    const fourth = await start();
    assert.equal((await fourth.messageSettled(last?.id ?? "")).status, "sent");
    assert.deepEqual(await capturedSubjects(fourth), ["Test before the kill", "Hello"]);
  });

  test("plays at each of its addresses what real servers do", async (t) => {
    const atEnd = atEndOf(t);
    const gateway = await startGateway();
    atEnd(() => gateway.stop());
    const names = ["delivered", "hardbounce", "softbounce", "mailboxfull", "slow", "drop", "latebounce", "complaint", "anybody"];
    const messages = names.map((name) =>
      testMessage(name, name === "anybody" ? "anybody@example.org" : `${name}@sandbox.test`, {
        // Each has an envelope sender of its own, as real correspondents have.
        from: `${name}@example.com`,
        ...(name === "mailboxfull" && { expires_after: "6s" }),
      }),
    );
    const accepted = await sendEach(gateway, messages);
    const settled = new Map<string, MessageView>();
    for (const [index, name] of names.entries()) settled.set(name, await gateway.messageSettled(accepted[index]?.id ?? "", 30_000));
    const recipientOf = (name: string) => onlyRecipient(settled.get(name) as MessageView);
    const typesOf = async (name: string) => (await eventsOf(gateway, settled.get(name)?.id ?? "")).map(({ type }) => type);

    for (const name of ["delivered", "anybody"]) {
      const { status, attempts, reply } = recipientOf(name);
      assert.deepEqual([status, attempts, reply?.code], ["sent", 1, 250], name);
    }
    const bounced = recipientOf("hardbounce");
    assert.deepEqual([bounced.status, bounced.category, bounced.hard_bounce], ["bounced", "invalid_recipient", true]);
    assert.deepEqual([bounced.reply?.code, bounced.reply?.enhanced], [550, "5.1.1"]);

    assert.deepEqual([recipientOf("softbounce").status, recipientOf("softbounce").attempts], ["sent", 3]);
    assert.deepEqual(await typesOf("softbounce"), ["message.accepted", "message.deferred", "message.deferred", "message.sent"]);

    const full = recipientOf("mailboxfull");
    assert.deepEqual([full.status, full.category, full.reply?.code, full.reply?.enhanced], ["failed", "expired", 452, "4.2.2"]);
    const putOff = (await eventsOf(gateway, settled.get("mailboxfull")?.id ?? "")).find(({ type }) => type === "message.deferred");
    assert.equal(putOff?.data.category, "mailbox_full");

    const slow = settled.get("slow") as MessageView;
    const tookMs = Date.parse(onlyRecipient(slow).updated_at) - Date.parse(slow.created_at);
    assert.deepEqual([slow.status, onlyRecipient(slow).attempts], ["sent", 1]);
    assert.ok(tookMs >= 3_000, `slow@ took ${tookMs} ms`);

    const dropped = recipientOf("drop");
    assert.deepEqual([dropped.status, dropped.attempts, dropped.possible_duplicate], ["unknown", 3, true]);

    // Their reports come back later: first they are as good as delivered.
    for (const name of ["latebounce", "complaint"]) assert.ok((await typesOf(name)).includes("message.sent"), name);

    const kept = names.filter((name) => !["hardbounce", "mailboxfull", "drop"].includes(name)).map((name) => `Test ${name}`);
    assert.deepEqual((await capturedSubjects(gateway)).toSorted(), kept.toSorted());
  });
});
