// The documentation works as it stands: its commands and programs are run, in order, against a sandbox.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { signatureHeaders } from "../../src/notify/signature.ts";
import { freePort } from "../support/freePort.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { dsn } from "../support/reportMail.ts";
import { snippetsFor } from "../support/snippets.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { waitFor } from "../support/waitFor.ts";
import { startWebhookReceiver, type WebhookReceiver } from "../support/webhookReceiver.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const secret = `whsec_${Buffer.from("a secret of thirty-two bytes long").toString("base64")}`;

const report = dsn({ recipient: "ada@example.net", action: "failed", status: "5.1.1", diagnostic: "550 5.1.1 User unknown" });

let gateway: Gateway;
let receiver: WebhookReceiver;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
/** What stands in the pages for what only a running gateway has. */
let values: Record<string, string>;
let env: Record<string, string>;

before(async () => {
  [gateway, receiver, home] = await Promise.all([startGateway(), startWebhookReceiver(), temporaryFolder({ name: "documented" })]);
  const send = async (to: string, more: object = {}) => {
    const mail = { from: "a@example.com", to, subject: "Hi", text: "x", ...more };
    const { status, body } = await gateway.post<{ id: string }>("/v1/messages", mail);
    assert.equal(status, 202, JSON.stringify(body));
    return body.id;
  };
  const postReport = async () => {
    const { status, body } = await gateway.post<{ id: string }>("/v1/bounces", report, { "content-type": "message/rfc822" });
    assert.ok(status < 300, JSON.stringify(body));
    return body.id;
  };
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  values = {
    "http://127.0.0.1:8080": gateway.url,
    "https://app.example.com/postern": receiver.url,
    MESSAGE_ID: await send("delivered@sandbox.test"),
    FAILED_ID: await send("hardbounce@sandbox.test"),
    SCHEDULED_ID: await send("later@example.net", { send_at: inHours(2) }),
    WEBHOOK_ID: (await gateway.post<{ id: string }>("/v1/webhooks", { url: receiver.url, events: ["message.sent"] })).body.id,
    REPORT_ID: await postReport(),
    IN_AN_HOUR: inHours(1),
    AN_HOUR_AGO: inHours(-1),
  };
  for (const id of ["MESSAGE_ID", "FAILED_ID"]) await gateway.messageSettled(values[id] ?? "");
  await gateway.post("/v1/suppressions", { address: "ada@example.net" });

  const at = (name: string) => join(home.path, name);
  await mkdir(at("node_modules"));
  await symlink(root, at("node_modules/postern"));
  await writeFile(at(".curlrc"), 'write-out = "\\n%{http_code}"\n');
  for (const name of ["invoice.pdf", "logo.png"]) await writeFile(at(name), "any bytes");
  await writeFile(at("message.eml"), "From: orders@example.com\r\nTo: ada@example.net\r\nSubject: Raw\r\n\r\nHello\r\n");
  await writeFile(at("report.eml"), report);
  await writeFile(at("suppressions.csv"), "email,reason\nbob@example.net,manual\n");
  env = {
    PATH: process.env.PATH ?? "",
    HOME: home.path,
    POSTERN_URL: gateway.url,
    POSTERN_API_KEY: gateway.apiKey,
    WEBHOOK_SECRET: secret,
  };
});

after(async () => {
  await Promise.all([gateway?.stop(), receiver?.stop()]);
  await home?.remove();
});

const filled = (text: string) => Object.entries(values).reduce((whole, [name, value]) => whole.replaceAll(name, value), text);

/** The programs of a page in one language, as they stand. */
function programsOf(page: string, language: "js" | "ts" = "js"): string[] {
  return snippetsFor("a program").flatMap((it) => (it.page === page && it.language === language ? [it.text] : []));
}

const requests = snippetsFor("a request");
for (const page of new Set(requests.map((it) => it.page))) {
  test(`every request in ${page} is answered well`, async () => {
    for (const { text: command, line } of requests.filter((it) => it.page === page)) {
      const { stdout } = await run("/bin/sh", ["-c", filled(command)], { env, cwd: home.path, timeout: 30_000 });
      assert.match(stdout.split("\n").at(-1) ?? "", /^2\d\d$/, `${page}:${line}: ${command}\n${stdout}`);
    }
  });
}

test("the webhook that a page registers is sent to", async () => {
  await waitFor(() => receiver.requests.length > 0, { what: "a webhook", timeoutMs: 20_000 });
});

async function programFile(name: string, text: string): Promise<string> {
  const file = join(home.path, name);
  await writeFile(file, filled(text));
  return file;
}

/** Runs a program to its end; what it printed. */
async function runProgram(text: string): Promise<string> {
  const { stdout } = await run(process.execPath, [await programFile("program.mjs", text)], { env, cwd: home.path, timeout: 30_000 });
  return stdout;
}

/** Starts a program that has no end of its own, and ends it after the test. */
async function startProgram(text: string): Promise<{ out(): string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [await programFile("server.mjs", text)], { env, cwd: home.path });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const ended = new Promise<void>((done) => child.once("close", () => done()));
  return {
    out: () => said,
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

describe("programs", () => {
  test("those in docs/sending.md and the first in README.md send, list, and fail as they say", async () => {
    const [first = "", ...others] = programsOf("docs/sending.md");
    const [readme = ""] = programsOf("README.md");
    for (const text of [first, readme]) assert.match(await runProgram(text), /^msg_\w+ \w+\n$/);
    const [list = "", refused = "", files = "", batch = "", ...more] = others;
    assert.deepEqual(more, []);
    assert.match(await runProgram(list), new RegExp(`^${values.FAILED_ID} hardbounce@sandbox.test .*\n`, "m"));
    assert.match(await runProgram(refused), /^invalid_request \/to\/1 .+\n$/);
    assert.equal(await runProgram(files), "");
    assert.match(await runProgram(batch), /^no address .+\n$/);
  });

  for (const page of ["README.md", "docs/webhooks.md"]) {
    test(`the receiver in ${page} takes what is signed and refuses what is not`, async (t) => {
      const text = programsOf(page).find((block) => block.includes(".listen(3000)")) ?? "";
      const port = await freePort();
      const program = await startProgram(text.replace("listen(3000)", `listen(${port}, "127.0.0.1")`));
      t.after(program.stop);
      const body = JSON.stringify({ type: "message.sent", data: { recipient: "jörg@example.net", reply: null } });
      const post = async (headers: Record<string, string>) =>
        (await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body, headers })).status;
      const headers = signatureHeaders("evt_1", body, { secret }, Date.now());
      await waitFor(async () => (await post(headers)) === 204, { what: "the receiver", timeoutMs: 20_000 });
      assert.equal(await post({ ...headers, "webhook-id": "evt_2" }), 400);
      assert.match(program.out(), /^message\.sent jörg@example\.net undefined$/m);
    });
  }

  test("the receiver of Web requests in docs/webhooks.md answers", async () => {
    const [text = ""] = programsOf("docs/webhooks.md", "ts");
    const file = await programFile("receiver.mts", text.replace("whsec_…", secret));
    const { POST } = (await import(pathToFileURL(file).href)) as { POST(request: Request): Promise<Response> };
    const body = JSON.stringify({ type: "message.sent", data: { recipient: null } });
    const headers = signatureHeaders("evt_1", body, { secret }, Date.now());
    assert.equal((await POST(new Request("http://app.test/", { method: "POST", body, headers }))).status, 204);
    await assert.rejects(POST(new Request("http://app.test/", { method: "POST", body: `${body} `, headers })), { code: "wrong_signature" });
  });

  test("the follower in docs/webhooks.md says what happens", async (t) => {
    const text = programsOf("docs/webhooks.md").find((block) => block.includes("events.follow")) ?? "";
    const program = await startProgram(text);
    t.after(program.stop);
    // It hears what happens once it listens.
    const heard = async () => {
      await gateway.post("/v1/messages", { from: "a@example.com", to: "delivered@sandbox.test", text: "x" });
      return /^message\.sent delivered@sandbox\.test$/m.test(program.out());
    };
    await waitFor(heard, { what: "an event", timeoutMs: 20_000, everyMs: 250 });
  });

  test("every mail that is shown as JSON is one that Postern takes", async () => {
    const mails = snippetsFor("a mail as JSON");
    assert.ok(mails.length >= 5);
    for (const { page, line, text } of mails) {
      const { status, body: answer } = await gateway.post("/v1/messages?dry_run=true", JSON.parse(text));
      assert.equal(status, 200, `${page}:${line}: ${JSON.stringify(answer)}`);
    }
  });

  test("no program is left out", () => {
    const run = { "README.md": 2, "docs/sending.md": 5, "docs/webhooks.md": 3 };
    const found: Record<string, number> = {};
    for (const { page } of snippetsFor("a program")) found[page] = (found[page] ?? 0) + 1;
    assert.deepEqual(found, run);
  });
});
