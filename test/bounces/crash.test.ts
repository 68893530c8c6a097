// What a crash, a lost Redis, a full store and a report that is too much for the parser do to reports.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { createParser, type ParserOptions } from "../../src/bounces/parser.ts";
import { createReported } from "../../src/store/reported.ts";
import { sharedRedis, startRedis } from "../support/redis.ts";
import { dsn } from "../support/reportMail.ts";
import { smtpSend } from "../support/smtpTalk.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { waitFor } from "../support/waitFor.ts";
import { openIntake } from "./intakeForTests.ts";

const redis = await sharedRedis();
const closing: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const step of closing.reverse()) await step();
});

async function open(changes: Parameters<typeof openIntake>[1] = {}, from = redis) {
  const it = await openIntake(from, changes);
  closing.push(() => it.close());
  return it;
}

const raw = Buffer.from(dsn({ recipient: "one@example.net" }));
const report = (returnPath: string) =>
  ({ tenant: "default", source: "smtp", size: raw.length, return_path: returnPath.split("@")[0] ?? "" }) as const;

test("a report that was stored by a process that then died is read by another", async () => {
  const it = await open();
  const { id, returnPath } = await it.send();
  await it.intake.store(report(returnPath), raw);
  await it.listen();
  await it.read(1);
  assert.equal((await it.recipients(id))[0]?.status, "bounced");
});

test("a report whose reader died half-way is read again when its lease ends, not before, and what was applied is not applied twice", async () => {
  const it = await open();
  const { id, returnPath } = await it.send();
  await it.intake.store(report(returnPath), raw);
  const [claimed] = await it.reports.claim(1, 400);
  assert.deepEqual(await it.reports.claim(1, 400), []);
  // The dead one had come as far as applying it.
  const retention = { messageMs: 60_000, contentMs: 0, failedContentMs: 0 };
  const reported = createReported(it.store.connection, { retention, suppression: { hard_bounce: "forever" } });
  await reported.apply(id, [{ recipient: 0, kind: "bounced", category: "invalid_recipient", hard_bounce: true }]);
  await it.listen();
  const [read] = await it.read(1);
  assert.deepEqual(
    { id: read?.id, claims: read?.claims, effect: read?.recipients[0]?.effect },
    { id: claimed?.id, claims: 2, effect: "unchanged" },
  );
  assert.deepEqual(await it.told(), ["message.bounced one@example.net", "suppression.added one@example.net"]);
});

test("who comes back after losing a lease cannot undo what another noted", async () => {
  const it = await open();
  const { returnPath } = await it.send();
  await it.intake.store(report(returnPath), raw);
  const [slow] = await it.reports.claim(1, 1);
  assert.ok(slow);
  await it.reports.finish({ ...slow, status: "processed" }, "default");
  await it.reports.finish({ ...slow, status: "unparsed" }, "default");
  assert.equal((await it.reports.get("default", slow.id))?.status, "processed");
});

test("while Redis is away a report is answered 451, and taken once it is back", async () => {
  const own = await startRedis();
  closing.push(() => own.stop());
  const it = await open({}, own);
  const { port } = await it.listen();
  const { id, returnPath } = await it.send();
  await own.kill("SIGSTOP");
  assert.match(await smtpSend(port, { to: returnPath, raw }), /^451 4\.3\.0/);
  await own.kill("SIGCONT");
  await waitFor(async () => (await smtpSend(port, { to: returnPath, raw })).startsWith("250"), {
    what: "the report to be taken",
    timeoutMs: 20_000,
    everyMs: 200,
  });
  await it.read(1);
  assert.equal((await it.recipients(id))[0]?.status, "bounced");
});

test("too many reports that wait are answered 452, and none of them is lost", async () => {
  const it = await open({ reports: { pendingMax: 2 } });
  const sent = [await it.send(), await it.send(), await it.send()];
  for (const { returnPath } of sent.slice(0, 2)) assert.equal((await it.intake.store(report(returnPath), raw)).kind, "stored");
  assert.equal((await it.intake.store(report(sent[2]?.returnPath ?? ""), raw)).kind, "full");
  const { port } = await it.listen();
  await it.read(2);
  assert.match(await smtpSend(port, { to: sent[2]?.returnPath ?? "", raw }), /^250/);
  await it.read(3);
  for (const { id } of sent) assert.equal((await it.recipients(id))[0]?.status, "bounced");
});

test("the bytes of reports that were read make room for new ones, those that wait do not", async () => {
  const it = await open({ reports: { octetsMax: 6_000 } });
  // Random, so that they cannot be packed.
  const junk = () =>
    Buffer.from(`Subject: x

${randomBytes(1_400).toString("base64")}
`);
  const stored: string[] = [];
  for (let index = 0; index < 5; index++) {
    const result = await it.intake.store({ tenant: "default", source: "smtp", size: 1 }, junk());
    if (result.kind === "stored") stored.push(result.report.id);
  }
  assert.ok(stored.length >= 3 && stored.length < 5, `${stored.length} were stored`);
  await it.listen();
  await it.read(stored.length);
  const { kind } = await it.intake.store({ tenant: "default", source: "smtp", size: 1 }, junk());
  assert.equal(kind, "stored");
  assert.equal(await it.reports.content(stored[0] ?? ""), undefined);
  assert.equal((await it.reports.get("default", stored[0] ?? ""))?.status, "unparsed");
});

test("the list of a tenant keeps the newest so many", async () => {
  const it = await open({ reports: { perTenant: 3 } });
  await it.listen();
  for (let index = 0; index < 5; index++) {
    await it.intake.store({ tenant: "default", source: "smtp", size: 1 }, Buffer.from(`Subject: ${index}\r\n\r\nx\r\n`));
    await it.read(index + 1);
  }
  assert.equal((await it.reports.list("default", {}, 10)).reports.length, 3);
});

async function parserOf(program: string, options: ParserOptions) {
  const folder = await temporaryFolder({ name: "parser" });
  closing.push(() => folder.remove());
  const file = join(folder.path, "thread.mjs");
  await writeFile(file, `import { parentPort } from "node:worker_threads";\n${program}\nparentPort.postMessage("ready");\n`);
  const parser = createParser({ ...options, thread: pathToFileURL(file) });
  closing.push(() => parser.stop());
  return parser;
}

const answers = 'parentPort.postMessage({ kind: "none", reports: [] })';

for (const [name, fault, doing] of [
  ["takes all memory", "crashed", "const all = []; for (;;) all.push(new Array(1e5).fill(all.length));"],
  ["never ends", "timed_out", "for (;;);"],
  ["throws", "crashed", 'throw new Error("broken");'],
  ["ends its thread", "crashed", "process.exit(3);"],
] as const) {
  test(`a report that ${name} costs its thread, and the next one is read by another`, async () => {
    const program = `parentPort.on("message", ({ raw }) => { if (Buffer.from(raw).toString() === "bad") { ${doing} } else ${answers}; });`;
    const parser = await parserOf(program, { timeoutMs: 1_000, memoryMb: 32 });
    const results = await Promise.all(["good", "bad", "good"].map((text) => parser.parse(Buffer.from(text))));
    assert.deepEqual(results, [{ kind: "none", reports: [] }, { fault }, { kind: "none", reports: [] }]);
  });
}

test("a report that is too much for the parser is kept as unparsed, says why, and holds up no other", async () => {
  const program = `parentPort.on("message", ({ raw }) => { if (Buffer.from(raw).includes("bad")) process.exit(1); else ${answers}; });`;
  const it = await open({ intake: { parser: await parserOf(program, {}) } });
  const { port } = await it.listen();
  const { returnPath } = await it.send();
  for (const text of ["bad", "other"])
    assert.match(await smtpSend(port, { to: returnPath, raw: `Subject: ${text}\r\n\r\n${text}\r\n` }), /^250/);
  const read = await it.read(2);
  assert.deepEqual(read.map(({ status, fault }) => `${status} ${fault}`).sort(), ["unparsed crashed", "unparsed no_report"]);
  const crashed = read.find(({ fault }) => fault === "crashed");
  assert.match(String(await it.reports.content(crashed?.id ?? "")), /bad/);
});
