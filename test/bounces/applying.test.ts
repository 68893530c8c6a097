// What a report changes, and what it must not.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { returnPathHeader } from "../../src/domain/returnPath.ts";
import { sharedRedis } from "../support/redis.ts";
import { complaint, dsn, vacation } from "../support/reportMail.ts";
import { smtpSend } from "../support/smtpTalk.ts";
import { waitFor } from "../support/waitFor.ts";
import { openIntake, type TestIntake } from "./intakeForTests.ts";

const redis = await sharedRedis();
const opened: TestIntake[] = [];
after(async () => {
  for (const it of opened) await it.close();
});

async function open(changes: Parameters<typeof openIntake>[1] = {}) {
  const it = await openIntake(redis, changes);
  opened.push(it);
  const listener = await it.listen();
  let reports = 0;
  /** Sends a report to an address, and waits until it was read. */
  const report = async (to: string, raw: string) => {
    assert.match(await smtpSend(listener.port, { to, raw }), /^250/);
    reports++;
    const read = await it.read(reports);
    return read[reports - 1] ?? assert.fail();
  };
  return { ...it, port: listener.port, report };
}

test("a bounce ends a sent recipient with all that the report says, tells it, and suppresses a dead address", async () => {
  const it = await open();
  const { id, returnPath } = await it.send({ recipients: ["Ada@example.net", "bob@example.net"] });
  const read = await it.report(returnPath, dsn({ recipient: "ada@EXAMPLE.net" }));
  assert.deepEqual(
    { status: read.status, kind: read.kind, message_id: read.message_id, tenant: read.tenant, dialect: read.dialect },
    { status: "processed", kind: "bounce", message_id: id, tenant: "default", dialect: "rfc3464" },
  );
  const [told] = read.recipients;
  assert.deepEqual(
    { address: told?.address, effect: told?.effect, suppressed: told?.suppressed },
    { address: "Ada@example.net", effect: "bounced", suppressed: true },
  );
  const [ada, bob] = await it.recipients(id);
  assert.deepEqual(
    { status: ada?.status, category: ada?.category, hard: ada?.hard_bounce, code: ada?.reply?.code, enhanced: ada?.reply?.enhanced },
    { status: "bounced", category: "invalid_recipient", hard: true, code: 550, enhanced: "5.1.1" },
  );
  assert.equal(bob?.status, "sent");
  assert.deepEqual(await it.told(), ["message.bounced Ada@example.net", "suppression.added ada@example.net"]);
});

test("time that ran out is a delay by its kind, and ends the recipient all the same, without suppressing it", async () => {
  const it = await open();
  const { id, returnPath } = await it.send();
  const expired = dsn({
    recipient: "one@example.net",
    status: "4.4.1",
    diagnostic: "connect to mx.example.net: Connection timed out; message expired, giving up",
  });
  assert.equal((await it.report(returnPath, expired)).kind, "delayed");
  const [one] = await it.recipients(id);
  assert.deepEqual(
    { status: one?.status, category: one?.category, hard: one?.hard_bounce },
    { status: "bounced", category: "expired", hard: false },
  );
  assert.deepEqual(await it.told(), ["message.bounced one@example.net"]);
});

test("the same report twice is one report and one event", async () => {
  const it = await open();
  const { returnPath } = await it.send();
  const raw = dsn({ recipient: "one@example.net" });
  await it.report(returnPath, raw);
  assert.match(await smtpSend(it.port, { to: returnPath, raw }), /^250 .*before/);
  assert.equal((await it.reports.list("default", {}, 10)).reports.length, 1);
  // Another mail that says the same changes nothing either.
  const [again] = (await it.report(returnPath, dsn({ recipient: "one@example.net", note: "Once more." }))).recipients;
  assert.equal(again?.effect, "unchanged");
  assert.deepEqual(await it.told(), ["message.bounced one@example.net", "suppression.added one@example.net"]);
});

test("delays, relayings and expansions end nothing and tell nothing; a delivery does", async () => {
  const it = await open();
  const { id, returnPath } = await it.send();
  for (const action of ["delayed", "relayed", "expanded"]) {
    const [told] = (await it.report(returnPath, dsn({ recipient: "one@example.net", action, status: "4.0.0", diagnostic: "450 later" })))
      .recipients;
    assert.equal(told?.effect, "unchanged", action);
  }
  assert.equal((await it.recipients(id))[0]?.status, "sent");
  assert.deepEqual(await it.told(), []);
  await it.report(returnPath, dsn({ recipient: "one@example.net", action: "delivered", status: "2.1.5", diagnostic: "250 2.1.5 Ok" }));
  assert.deepEqual((await it.recipients(id))[0]?.status, "delivered");
  assert.deepEqual(await it.told(), ["message.delivered one@example.net"]);
});

test("a delivery after a bounce wins, and leaves nothing of the bounce", async () => {
  const it = await open();
  const { id, returnPath } = await it.send();
  await it.report(returnPath, dsn({ recipient: "one@example.net", status: "5.2.2", diagnostic: "552 5.2.2 Mailbox full" }));
  assert.equal((await it.recipients(id))[0]?.category, "mailbox_full");
  await it.report(returnPath, dsn({ recipient: "one@example.net", action: "delivered", status: "2.0.0", diagnostic: "250 Ok" }));
  const [one] = await it.recipients(id);
  assert.deepEqual(
    { status: one?.status, category: one?.category, hard: one?.hard_bounce },
    { status: "delivered", category: undefined, hard: undefined },
  );
});

test("an automatic reply changes nothing; mail that is no report is kept as unparsed, with its bytes, and listed", async () => {
  const it = await open();
  const { id, returnPath } = await it.send();
  const replied = await it.report(returnPath, vacation);
  assert.deepEqual(
    { status: replied.status, kind: replied.kind, recipients: replied.recipients },
    { status: "processed", kind: "auto_reply", recipients: [] },
  );
  const personal = "From: ada@example.net\r\nSubject: Hello\r\n\r\nThank you for your mail.\r\n";
  const unparsed = await it.report("postmaster@bounces.example", personal);
  assert.deepEqual(
    { status: unparsed.status, fault: unparsed.fault, tenant: unparsed.tenant },
    { status: "unparsed", fault: "no_report", tenant: "default" },
  );
  const { reports } = await it.reports.list("default", { status: "unparsed" }, 10);
  assert.deepEqual(
    reports.map((report) => report.id),
    [unparsed.id],
  );
  assert.equal((await it.reports.content(unparsed.id))?.toString(), personal);
  assert.equal((await it.recipients(id))[0]?.status, "sent");
});

test("a report never changes anybody who is not a recipient of the message that it came to", async () => {
  const it = await open();
  const victim = await it.send({ recipients: ["victim@example.net"] });
  const { id, returnPath } = await it.send({ recipients: ["one@example.net", "two@example.net"] });
  const original = [`Message-ID: <${victim.id}@example.com>`, `Return-Path: <${victim.returnPath}>`];
  const read = await it.report(returnPath, dsn({ recipient: "victim@example.net", original }));
  assert.deepEqual(
    { status: read.status, effects: read.recipients.map(({ effect }) => effect) },
    { status: "unmatched", effects: ["not_a_recipient"] },
  );
  assert.deepEqual(
    [...(await it.recipients(id)), ...(await it.recipients(victim.id))].map(({ status }) => status),
    ["sent", "sent", "sent"],
  );
  assert.deepEqual(await it.told(), []);
});

test("the address that the sender used counts before the one at which the mail ended up", async () => {
  const it = await open();
  const { id, returnPath } = await it.send({ recipients: ["one@example.net", "two@example.net"] });
  await it.report(returnPath, dsn({ originalRecipient: "two@example.net", recipient: "one@example.net" }));
  assert.deepEqual(
    (await it.recipients(id)).map(({ status }) => status),
    ["sent", "bounced"],
  );
});

test("a failure behind a forwarding bounces the only recipient of a return path, but does not call its address dead", async () => {
  const it = await open();
  const alone = await it.send({ recipients: ["ada@example.net"] });
  await it.report(alone.returnPath, dsn({ recipient: "ada@elsewhere.example" }));
  const [ada] = await it.recipients(alone.id);
  assert.deepEqual({ status: ada?.status, hard: ada?.hard_bounce }, { status: "bounced", hard: false });
  const several = await it.send({ recipients: ["ada@example.net", "bob@example.net"] });
  await it.report(several.returnPath, dsn({ recipient: "ada@elsewhere.example" }));
  assert.deepEqual(
    (await it.recipients(several.id)).map(({ status }) => status),
    ["sent", "sent"],
  );
  assert.deepEqual(await it.told(), ["message.bounced ada@example.net"]);
});

test("a complaint is found by what the returned original carries, and suppresses; taken back or about signatures it does nothing", async () => {
  const it = await open();
  const { id, returnPath } = await it.send();
  for (const type of ["not-spam", "auth-failure"]) {
    const [told] = (
      await it.report("fbl@example.com", complaint({ recipient: "one@example.net", type, original: [`Return-Path: <${returnPath}>`] }))
    ).recipients;
    assert.equal(told?.effect, "unchanged", type);
  }
  assert.deepEqual(await it.told(), []);
  await it.report("fbl@example.com", complaint({ recipient: "one@example.net", original: [`Return-Path: <${returnPath}>`] }));
  const [one] = await it.recipients(id);
  assert.equal(one?.status, "complained");
  assert.match(one?.reply?.text ?? "", /complained \(abuse\)/);
  assert.deepEqual(await it.told(), ["message.complained one@example.net", "suppression.added one@example.net"]);
});

for (const [way, header] of [
  ["our own header", (it: { id: string; returnPath: string }) => `${returnPathHeader}: ${it.returnPath}`],
  ["its Message-ID", (it: { id: string; returnPath: string }) => `Message-ID: <${it.id}@example.com>`],
] as const) {
  test(`a complaint at a report address finds its message by ${way}`, async () => {
    const it = await open();
    const sent = await it.send();
    await it.report("fbl@example.com", complaint({ recipient: "one@example.net", original: [header(sent), "Subject: Hello"] }));
    assert.equal((await it.recipients(sent.id))[0]?.status, "complained");
  });
}

test("a complaint that does not say whose it is counts only where the message had one recipient, hidden ones included", async () => {
  const it = await open();
  const alone = await it.send();
  await it.report("fbl@example.com", complaint({ original: [`Return-Path: <${alone.returnPath}>`] }));
  assert.equal((await it.recipients(alone.id))[0]?.status, "complained");
  const hidden = await it.send({ recipients: ["two@example.net", "hidden@example.net"] });
  const read = await it.report("fbl@example.com", complaint({ original: [`Return-Path: <${hidden.returnPath}>`, "To: two@example.net"] }));
  assert.equal(read.status, "unmatched");
  assert.deepEqual(
    (await it.recipients(hidden.id)).map(({ status }) => status),
    ["sent", "sent"],
  );
});

test("a recipient that no relay had taken is not changed, and nobody is suppressed on that account", async () => {
  const it = await open();
  const { id, returnPath } = await it.send({ outcomes: ["deferred"] });
  const read = await it.report(returnPath, dsn({ recipient: "one@example.net" }));
  assert.equal(read.recipients[0]?.effect, "not_accepted");
  assert.equal((await it.recipients(id))[0]?.status, "deferred");
  assert.deepEqual(await it.told(), []);
});

test("a report settles a doubt", async () => {
  const it = await open();
  const bounced = await it.send({ outcomes: ["doubt"] });
  await it.report(bounced.returnPath, dsn({ recipient: "one@example.net" }));
  assert.equal((await it.recipients(bounced.id))[0]?.status, "bounced");
  const delivered = await it.send({ recipients: ["two@example.net"], outcomes: ["doubt"] });
  await it.report(delivered.returnPath, dsn({ recipient: "two@example.net", action: "delivered", status: "2.0.0", diagnostic: "250 Ok" }));
  assert.equal((await it.recipients(delivered.id))[0]?.status, "delivered");
});

test("a report that is quicker than the record of its relay's 250 waits for it", async () => {
  const it = await open();
  const { id, returnPath } = await it.send({ outcomes: ["none"] });
  assert.match(await smtpSend(it.port, { to: returnPath, raw: dsn({ recipient: "one@example.net" }) }), /^250/);
  await waitFor(async () => ((await it.reports.list("default", {}, 1)).reports[0]?.claims ?? 0) > 0, {
    what: "the report to be looked at",
    timeoutMs: 10_000,
  });
  assert.equal((await it.recipients(id))[0]?.status, "sending");
  await it.ledger.record({
    ...{ messageId: id, dispatch: 0, attempt: 1, retryInMs: 0, counts: "nothing" },
    outcomes: [{ recipient: 0, kind: "sent", reply: { code: 250, text: "Ok" } }],
  });
  await it.read(1);
  assert.equal((await it.recipients(id))[0]?.status, "bounced");
  assert.deepEqual(await it.told(), ["message.bounced one@example.net", "suppression.added one@example.net"]);
});

test("a report after the message is gone still suppresses its recipients, and nobody else", async () => {
  const it = await open();
  const forget = async (id: string) => {
    const { redis: client, keys } = it.store.connection;
    await client.del(keys.message(id));
  };
  const alone = await it.send({ recipients: ["Ada@example.net"] });
  const several = await it.send({ recipients: ["bob@example.net", "eve@example.net"] });
  const foreign = await it.send({ recipients: ["fred@example.net"], tenant: "other" });
  for (const { id } of [alone, several, foreign]) await forget(id);
  for (const { returnPath } of [alone, several]) {
    const read = await it.report(returnPath, dsn({ recipient: "victim@example.net" }));
    assert.deepEqual({ status: read.status, effect: read.recipients[0]?.effect }, { status: "unmatched", effect: "not_a_recipient" });
  }
  const read = await it.report(alone.returnPath, dsn({ recipient: "ada@example.net" }));
  assert.deepEqual(
    { status: read.status, message_id: read.message_id, effect: read.recipients[0]?.effect, suppressed: read.recipients[0]?.suppressed },
    { status: "processed", message_id: alone.id, effect: "message_gone", suppressed: true },
  );
  await it.report(several.returnPath, dsn({ recipient: "eve@example.net" }));
  await it.report("fbl@example.com", complaint({ recipient: "bob@example.net", original: [`Return-Path: <${several.returnPath}>`] }));
  const elsewhere = await it.report(foreign.returnPath, dsn({ recipient: "fred@example.net" }));
  assert.equal(elsewhere.tenant, "other");
  assert.deepEqual(await it.told(), [
    "suppression.added ada@example.net",
    "suppression.added eve@example.net",
    "suppression.added bob@example.net",
  ]);
  const { events } = await it.store.events.page("other", 0, 100);
  assert.deepEqual(
    events.filter(({ type }) => type === "suppression.added").map(({ recipient }) => recipient),
    ["fred@example.net"],
  );
});

test("a failure that is no fault of the recipient's suppresses nobody", async () => {
  const it = await open();
  for (const [status, diagnostic] of [
    ["5.7.1", "550 5.7.1 Message rejected as spam"],
    ["5.7.26", "550 5.7.26 This mail is unauthenticated"],
    ["5.3.4", "552 5.3.4 Message too big"],
  ] as const) {
    const { returnPath } = await it.send();
    const [told] = (await it.report(returnPath, dsn({ recipient: "one@example.net", status, diagnostic }))).recipients;
    assert.deepEqual({ effect: told?.effect, suppressed: told?.suppressed }, { effect: "bounced", suppressed: false }, diagnostic);
  }
});

test("a report of many recipients ends each, in one step and in order", async () => {
  const it = await open();
  const recipients = Array.from({ length: 50 }, (_, index) => `r${index}@example.net`);
  const { id, returnPath } = await it.send({ recipients });
  const [head = "", tail = ""] = dsn({ recipient: "r0@example.net" }).split("Final-Recipient: rfc822; r0@example.net");
  const rest = recipients.slice(1).map((address) => `Final-Recipient: rfc822; ${address}\r\nAction: failed\r\nStatus: 5.2.2\r\n\r\n`);
  await it.report(returnPath, `${head}${rest.join("")}Final-Recipient: rfc822; r0@example.net${tail}`);
  assert.deepEqual(new Set((await it.recipients(id)).map(({ status }) => status)), new Set(["bounced"]));
  assert.equal((await it.told()).filter((line) => line.startsWith("message.bounced")).length, 50);
});
