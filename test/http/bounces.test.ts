// Reports handed in by HTTP, what they match, how they are listed, and the explaining of replies and reports.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sharedRedis } from "../support/redis.ts";
import { complaint, dsn, vacation } from "../support/reportMail.ts";
import { waitFor } from "../support/waitFor.ts";
import { mail, openApp, type TestApp } from "./appForTests.ts";

const redis = await sharedRedis();
let app: TestApp;
before(async () => {
  app = await openApp(redis);
  // The parser's thread takes its time to start on a busy machine; from then on reports are read at once.
  await app.dependencies.parseReport(Buffer.from(vacation));
});
after(() => app.close());

const messageType = { "content-type": "message/rfc822" };
const handIn = (raw: string | Buffer, key?: string) =>
  app.ask("POST", "/v1/bounces", { body: Buffer.from(raw), headers: messageType, ...(key !== undefined && { key }) });

/** A message that its relay has taken, whatever was reported of its recipient before. */
async function sent(changes: Record<string, unknown> = {}, key?: string): Promise<{ id: string; returnPath: string }> {
  const { body } = await app.ask("POST", "/v1/messages", {
    body: mail({ bypass_suppressions: true, ...changes }),
    ...(key !== undefined && { key }),
  });
  const { connection, ledger } = app;
  await connection.redis.zadd(connection.keys.owners, ledger.clock.now(), "own_a");
  const claimed = await ledger.claim({ messageId: body.id, dispatch: 0, generation: 1 }, "own_a", "word");
  assert.ok(claimed.kind === "claimed");
  const { recipients, attempt, record } = claimed.claim;
  const outcomes = recipients.map((recipient) => ({ recipient, kind: "sent" as const, reply: { code: 250, text: "Ok" } }));
  await ledger.record({ messageId: body.id, dispatch: 0, attempt, outcomes, retryInMs: 0, counts: "nothing" });
  return { id: body.id, returnPath: record.return_path ?? "" };
}

const original = ({ id }: { id: string }) => [`Message-ID: <${id}@example.com>`, "Subject: Hello"];

test("every message has a return path of its own, in its record and in a header, and the header may not be forged", async () => {
  const { returnPath } = await sent();
  assert.match(returnPath, /^[a-z2-7]{62}@bounces\.example$/);
  const dry = await app.ask("POST", "/v1/messages?dry_run=true", { body: mail() });
  assert.match(Buffer.from(dry.body.raw, "base64").toString(), /^X-Postern-Return-Path: [a-z2-7]{62}@bounces\.example\r$/m);
  const forged = await app.ask("POST", "/v1/messages", { body: mail({ headers: { "X-Postern-Return-Path": "a@b.example" } }) });
  assert.equal(forged.status, 422);
});

test("a message that came whole has a return path too, and its bytes stay as they were", async () => {
  const raw =
    "From: shop@example.com\r\nMessage-ID: <x@example.com>\r\nDate: Tue, 01 Jan 2030 00:00:00 +0000\r\nSubject: x\r\n\r\nHello\r\n";
  const body = { envelope: { from: "shop@example.com", to: "ada@example.net" }, raw: Buffer.from(raw).toString("base64") };
  const { body: message } = await app.ask("POST", "/v1/messages/raw", { body });
  const found = await app.dependencies.messages.find(message.id);
  assert.match(found?.record.return_path ?? "", /@bounces\.example$/);
  assert.equal(found?.record.envelope_from, "shop@example.com");
  assert.equal(String(found && (await app.dependencies.messages.content(found.record))), raw);
});

test("a report is answered with what it did, is listed, and can be had with its bytes", async () => {
  const message = await sent();
  const raw = dsn({ recipient: "ada@example.net", original: original(message) });
  const { status, body } = await handIn(raw);
  assert.equal(status, 200);
  assert.deepEqual(
    { status: body.status, source: body.source, kind: body.kind, message_id: body.message_id, dialect: body.dialect, fault: body.fault },
    { status: "processed", source: "http", kind: "bounce", message_id: message.id, dialect: "rfc3464", fault: null },
  );
  const [recipient] = body.recipients;
  assert.deepEqual(
    { ...recipient, advice: typeof recipient.advice },
    {
      ...{ address: "ada@example.net", action: "failed", effect: "bounced", suppressed: true },
      ...{ category: "invalid_recipient", hard_bounce: true, advice: "string" },
      reply: { code: 550, enhanced: "5.1.1", text: "User unknown" },
    },
  );
  const listed = await app.ask("GET", "/v1/bounces?limit=1&status=processed");
  assert.deepEqual(listed.body.data[0], body);
  const whole = await app.ask("GET", `/v1/bounces/${body.id}`);
  assert.equal(Buffer.from(whole.body.raw, "base64").toString(), raw);
  const shown = await app.ask("GET", `/v1/messages/${message.id}`);
  assert.equal(shown.body.recipients[0].status, "bounced");
  assert.equal((await handIn(raw)).body.id, body.id);
});

test("what cannot be read is kept and listed as unparsed", async () => {
  const { status, body } = await handIn("Subject: Hello\r\n\r\nThank you!\r\n");
  assert.deepEqual(
    { code: status, status: body.status, fault: body.fault, kind: body.kind },
    { code: 200, status: "unparsed", fault: "no_report", kind: "none" },
  );
  const { body: page } = await app.ask("GET", "/v1/bounces?status=unparsed");
  assert.deepEqual(
    page.data.map((report: { id: string }) => report.id),
    [body.id],
  );
  assert.equal((await handIn(vacation)).body.kind, "auto_reply");
});

test("a list shows one status, kind and source, or what is all of them", async () => {
  const key = await app.key({ tenant: "reports-filtered", scopes: ["read", "manage"] });
  const away = (await handIn(vacation, key)).body.id;
  const refused = (await handIn(dsn({ recipient: "ada@example.net" }), key)).body.id;
  const idsOf = async (query: string) => {
    const { status, body } = await app.ask("GET", `/v1/bounces?${query}`, { key });
    return status === 200 ? body.data.map(({ id }: { id: string }) => id) : status;
  };
  assert.deepEqual(await idsOf(""), [refused, away]);
  assert.deepEqual(await idsOf("kind=auto_reply"), [away]);
  assert.deepEqual(await idsOf("kind=bounce&source=http&status=unmatched"), [refused]);
  assert.deepEqual(await idsOf("kind=bounce&status=processed"), []);
  assert.deepEqual([await idsOf("source=smtp"), await idsOf("source=ses")], [[], []]);
  for (const query of ["kind=bounced", "source=mail", "source="]) assert.equal(await idsOf(query), 422, query);
});

test("nobody's report matches another tenant's message, whichever way it is named", async () => {
  const other = await app.key({ tenant: "reports-other", scopes: ["send", "read", "manage"] });
  const message = await sent();
  for (const line of [
    `Message-ID: <${message.id}@example.com>`,
    `Return-Path: <${message.returnPath}>`,
    `X-Postern-Return-Path: ${message.returnPath}`,
  ]) {
    const { body } = await handIn(dsn({ recipient: "ada@example.net", original: [line, "Subject: x"] }), other);
    assert.deepEqual(
      { status: body.status, message_id: body.message_id, effect: body.recipients[0].effect },
      { status: "unmatched", message_id: null, effect: "not_a_recipient" },
    );
    assert.equal((await app.ask("GET", `/v1/bounces/${body.id}`)).status, 404);
  }
  assert.equal((await app.ask("GET", `/v1/messages/${message.id}`)).body.recipients[0].status, "sent");
  const own = await sent({}, other);
  assert.equal((await handIn(dsn({ recipient: "ada@example.net", original: original(own) }))).body.status, "unmatched");
  assert.equal((await handIn(dsn({ recipient: "ada@example.net", original: original(own) }), other)).body.status, "processed");
});

test("a report on a message that is gone suppresses by its return path, in its own tenant alone", async () => {
  const other = await app.key({ tenant: "reports-late", scopes: ["send", "read", "manage"] });
  const message = await sent({ to: "late@example.net" }, other);
  const { connection } = app;
  await connection.redis.del(connection.keys.message(message.id));
  const raw = complaint({ recipient: "late@example.net", original: [`Return-Path: <${message.returnPath}>`] });
  assert.equal((await handIn(raw)).body.status, "unmatched");
  const { body } = await handIn(raw, other);
  assert.deepEqual(
    { status: body.status, effect: body.recipients[0].effect, suppressed: body.recipients[0].suppressed },
    { status: "processed", effect: "message_gone", suppressed: true },
  );
});

test("a report needs the scope manage and a body that is a mail; lists need read", async () => {
  const reader = await app.key({ tenant: "default", scopes: ["read"] });
  assert.equal((await handIn(vacation, reader)).status, 403);
  assert.equal((await handIn("")).status, 422);
  assert.equal((await app.ask("POST", "/v1/bounces", { body: { raw: "x" } })).status, 415);
  assert.equal((await app.ask("GET", "/v1/bounces", { key: reader })).status, 200);
  assert.equal((await app.ask("GET", "/v1/bounces/bnc_00000000000000000000000000")).status, 404);
  assert.equal((await app.ask("GET", "/v1/bounces?after=x")).status, 422);
  assert.equal((await app.ask("GET", "/v1/bounces?status=lost")).status, 422);
});

test("a report that takes long is answered 202 and read all the same", async () => {
  const slow = await openApp(redis, ({ takeReport }) => ({ takeReport: (report, content) => takeReport(report, content, 0) }));
  try {
    const { status, body } = await slow.ask("POST", "/v1/bounces", { body: Buffer.from(vacation), headers: messageType });
    assert.deepEqual({ code: status, status: body.status, kind: body.kind }, { code: 202, status: "pending", kind: null });
    await waitFor(async () => (await slow.ask("GET", `/v1/bounces/${body.id}`)).body.kind === "auto_reply", {
      what: "the report to be read",
      timeoutMs: 15_000,
    });
  } finally {
    await slow.close();
  }
});

test("lists of reports page from the newest to the oldest", async () => {
  const tenant = await app.key({ tenant: "reports-pages", scopes: ["read", "manage"] });
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) ids.unshift((await handIn(`Subject: ${index}\r\n\r\nx\r\n`, tenant)).body.id);
  const seen: string[] = [];
  for (let after = ""; ; ) {
    const { body } = await app.ask("GET", `/v1/bounces?limit=2${after}`, { key: tenant });
    seen.push(...body.data.map((report: { id: string }) => report.id));
    if (!body.has_more) break;
    after = `&after=${body.next_cursor}`;
  }
  assert.deepEqual([...seen].sort(), [...ids].sort());
  assert.equal(new Set(seen).size, 5);
});

test("a reply line is explained: category, advice, the rule and the words that made it match", async () => {
  const { status, body } = await app.ask("POST", "/v1/classify", {
    body: { reply: "550 5.1.1 <ada@example.net>: Recipient address rejected: User unknown" },
  });
  assert.equal(status, 200);
  assert.deepEqual(
    { category: body.category, hard_bounce: body.hard_bounce, code: body.reply.code, enhanced: body.reply.enhanced },
    { category: "invalid_recipient", hard_bounce: true, code: 550, enhanced: "5.1.1" },
  );
  assert.ok(body.advice.length > 20 && body.rule.length > 3, JSON.stringify(body));
  assert.match(body.matched_text, /user unknown/i);
  const coded = await app.ask("POST", "/v1/classify", { body: { reply: "552 5.2.2" } });
  assert.deepEqual({ category: coded.body.category, matched: coded.body.matched_text }, { category: "mailbox_full", matched: "5.2.2" });
  assert.equal((await app.ask("POST", "/v1/classify", { body: { reply: "" } })).status, 422);
  assert.equal((await app.ask("POST", "/v1/classify", { body: { line: "x" } })).status, 422);
});

test("a report is explained recipient by recipient, and nothing is stored of it", async () => {
  const before = (await app.ask("GET", "/v1/bounces")).body.data.length;
  const { body } = await app.ask("POST", "/v1/classify", {
    body: Buffer.from(dsn({ recipient: "ada@example.net" })),
    headers: messageType,
  });
  const [report] = body.reports;
  assert.deepEqual(
    { kind: body.kind, recipient: report.recipient, action: report.action, category: report.category, matched: report.matched_text },
    { kind: "bounce", recipient: "ada@example.net", action: "failed", category: "invalid_recipient", matched: "User unknown" },
  );
  assert.equal((await app.ask("GET", "/v1/bounces")).body.data.length, before);
});
