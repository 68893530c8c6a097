// What a person does from the shell with a running gateway: send and follow, watch, move suppressions. The whole product, its
// sandbox as the far end.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import type { EventView } from "../../src/domain/eventView.ts";
import { atEndOf } from "../support/atEnd.ts";
import { freePort } from "../support/freePort.ts";
import { startGateway } from "../support/gateway.ts";
import { runPostern } from "../support/postern.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

// With the key that the sandbox makes for itself.
const gateway = await startGateway({ env: { POSTERN_API_KEY: "" } });
after(() => gateway.stop());
const env = { POSTERN_URL: gateway.url, POSTERN_API_KEY: gateway.apiKey };
const send = (...args: string[]) =>
  runPostern(["send", "--from", "a@sandbox.test", "--subject", "Hi", ...args], { env, input: "piped text" });

type Message = { id: string; status: string; tags: string[] };

test("send follows every recipient to the end, in the relay's own words, and its exit code says whether all was sent", async () => {
  const good = await send("--to", "delivered@sandbox.test", "--tag", "shell");
  assert.deepEqual([good.code, good.err], [0, ""], good.out);
  const [, id] = /^(msg_\w+) was accepted\n/.exec(good.out) ?? [];
  assert.match(good.out, /^delivered@sandbox\.test {2}sent {2}sandbox {2}250 2\.0\.0 Captured as /m);
  const { body } = await gateway.get<Message>(`/v1/messages/${id}`);
  assert.deepEqual([body.status, body.tags], ["sent", ["shell"]]);

  const bad = await send("--to", "delivered@sandbox.test", "hardbounce@sandbox.test", "--text", "x");
  assert.equal(bad.code, 1);
  assert.match(bad.out, /^hardbounce@sandbox\.test {2}bounced {2}sandbox {2}550 5\.1\.1 .* \(.+\)$/m);
  assert.match(bad.out, /^delivered@sandbox\.test {2}sent/m);
});

test("send waits for a recipient that is deferred, and gives up following, not sending, when its time is over", async () => {
  const patient = await send("--to", "softbounce@sandbox.test");
  assert.equal(patient.code, 0, patient.err);
  assert.match(patient.out, /deferred {2}sandbox {2}450 .*; attempt 2 at \d\d:\d\d:\d\d UTC[\s\S]*softbounce@sandbox\.test {2}sent/);
  const hurried = await send("--to", "mailboxfull@sandbox.test", "--timeout", "100ms");
  assert.equal(hurried.code, 1);
  assert.match(hurried.err, /^msg_\w+ is still in progress: GET/);
});

test("send prints events as JSON lines, the last of them the end", async () => {
  const { code, out } = await send("--to", "delivered@sandbox.test", "--json");
  const events = out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as EventView);
  assert.deepEqual([code, events.map(({ type }) => type)], [0, ["message.accepted", "message.sent"]]);
});

test("send takes a whole request from a file, options before it, and files to attach", async (t) => {
  const atEnd = atEndOf(t);
  const folder = await temporaryFolder({ name: "send" });
  atEnd(folder.remove);
  const [request, note] = [join(folder.path, "request.json"), join(folder.path, "note.txt")];
  await writeFile(
    request,
    JSON.stringify({ from: "b@sandbox.test", to: "delivered@sandbox.test", subject: "From the file", text: "x", metadata: { a: "b" } }),
  );
  await writeFile(note, "attached");
  const { code, out } = await runPostern(
    [
      "send",
      "--request",
      request,
      "--subject",
      "From the shell",
      "--attach",
      note,
      "--header",
      "X-Campaign: autumn",
      "--no-follow",
      "--json",
    ],
    { env },
  );
  assert.equal(code, 0);
  const { id, ...message } = JSON.parse(out) as Record<string, unknown>;
  assert.deepEqual([message.from, message.subject, message.metadata], ["b@sandbox.test", "From the shell", { a: "b" }]);
  const { body } = await gateway.get<string>(`/v1/messages/${id}/content`);
  const content = String(body);
  assert.match(content, /^X-Campaign: autumn\r$/m);
  assert.match(content, /filename=note\.txt/);
});

test("one idempotency key sends once, and a message for later is not waited for", async () => {
  const later = new Date(Date.now() + 86_400_000).toISOString();
  const twice = [1, 2].map(() => send("--to", "delivered@sandbox.test", "--send-at", later, "--idempotency-key", "shell-1"));
  const [one, two] = await Promise.all(twice);
  assert.deepEqual([one?.code, two?.code, one?.out], [0, 0, two?.out]);
  assert.match(one?.out ?? "", /^msg_\w+ is scheduled for \d{4}-/);
});

test("what send cannot do is one readable line each, and never the key", async () => {
  const cases: [string[], Record<string, string>, number, RegExp][] = [
    [["--to", "nobody"], env, 2, /^to\.0: has no @; write an address like /],
    [
      ["--to", "a@b.example", "--text", "@/nowhere/text", "--header", "X", "--timeout", "soon"],
      env,
      2,
      /^--text: \/nowhere\/text: there is no such file\n--header: X: must be a name, a colon and a value.*\n--timeout: must be a duration/,
    ],
    [["--to", "a@b.example"], { ...env, POSTERN_API_KEY: "wrong-".repeat(8) }, 1, /^The API key is not known.*POSTERN_API_KEY/],
    [["--to", "a@b.example"], { POSTERN_URL: gateway.url }, 2, /^POSTERN_API_KEY: is not set/],
    [["--to", "a@b.example"], { ...env, POSTERN_URL: "postern" }, 2, /^POSTERN_URL: must be the URL of the API/],
    [
      ["--to", "a@b.example"],
      { ...env, POSTERN_URL: `http://127.0.0.1:${await freePort()}` },
      1,
      /cannot be reached: nobody listens there/,
    ],
  ];
  for (const [args, environment, code, expected] of cases) {
    const said = await runPostern(["send", "--from", "a@sandbox.test", "--subject", "Hi", ...args], { env: environment, input: "text" });
    assert.deepEqual([said.code, said.out], [code, ""], args.join(" "));
    assert.match(said.err, expected);
    assert.doesNotMatch(said.err, /wrong-wrong|\n {4}at /);
    assert.ok(!said.err.includes(gateway.apiKey));
  }
});

test("without a setting, send finds the sandbox of its folder and the key that it made, which is for nobody else", async () => {
  const folder = { PORT: new URL(gateway.url).port, POSTERN_DATA_DIR: gateway.dataDir };
  const args = ["send", "--from", "a@sandbox.test", "--to", "delivered@sandbox.test", "--subject", "x", "--text", "x"];
  assert.equal((await runPostern(args, { env: folder })).code, 0);
  const elsewhere = await runPostern(args, { env: { ...folder, POSTERN_URL: gateway.url } });
  assert.match(elsewhere.err, /^POSTERN_API_KEY: is not set/);
});

test("top without a terminal prints the relays once, and as JSON for programs", async () => {
  for (const args of [[], ["--once"]]) {
    const { code, out } = await runPostern(["top", ...args], { env });
    assert.equal(code, 0);
    assert.match(
      out,
      /^RELAY +STATE +WAITING +DELAYED +SENDING +OLDEST +CONNECTIONS +RATE +LAST ERROR\nsandbox +up +\d+ +\d+ +\d+ +.*\d+\/10\n$/,
    );
  }
  const { out } = await runPostern(["top", "--once", "--json"], { env });
  assert.equal((JSON.parse(out) as { relays: { name: string }[] }).relays[0]?.name, "sandbox");
  assert.equal((await runPostern(["top", "--interval", "0"], { env })).code, 2);
});

test("suppressions go in and out as files; faulty rows are told by their lines and stop nothing", async (t) => {
  const atEnd = atEndOf(t);
  const folder = await temporaryFolder({ name: "suppressions" });
  atEnd(folder.remove);
  const inFolder = (name: string) => join(folder.path, name);
  const addresses = Array.from({ length: 2_000 }, (_, index) => `user${index}@suppressed.example`);
  await writeFile(inFolder("in.csv"), `address,colour\n${addresses.join(",red\n")},red\nbroken,red\n`);
  const imported = await runPostern(["suppressions", "import", inFolder("in.csv")], { env });
  assert.deepEqual([imported.code, imported.out], [1, "2000 added, 0 strengthened, 0 there already, 1 faulty.\n"]);
  assert.match(imported.err, /in\.csv: line 2002, address: has no @.*\nColumns that mean nothing here: colour/);
  const exported = await runPostern(["suppressions", "export", inFolder("out.csv")], { env });
  assert.deepEqual(exported, { code: 0, out: "", err: "" });
  const written = await readFile(inFolder("out.csv"), "utf8");
  for (const address of addresses) assert.ok(written.includes(`${address},`), address);
  const { out } = await runPostern(["suppressions", "export"], { env });
  assert.equal(out, written);
  const again = await runPostern(["suppressions", "import", "-", "--json"], { env, input: written });
  assert.deepEqual([again.code, (JSON.parse(again.out) as { added: number }).added], [0, 0]);
  const nowhere = await runPostern(["suppressions", "export", inFolder("no/such/folder.csv")], { env });
  assert.equal(nowhere.code, 1);
  assert.match((await runPostern(["suppressions", "import", inFolder("none.csv")], { env })).err, /none\.csv: there is no such file\n$/);
});

test("a command that nobody knows is answered with the nearest one", async () => {
  for (const [args, meant] of [
    [["docter"], "doctor"],
    [["send", "--subjekt", "x"], "--subject"],
  ] as const) {
    const { code, err } = await runPostern([...args], { env });
    assert.equal(code, 2);
    assert.match(err, new RegExp(`Did you mean ${meant}\\?`));
  }
});
