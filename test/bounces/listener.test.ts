// The listener against senders that are wrong, hostile, slow or too many.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { returnPathKey, returnPathToken } from "../../src/domain/returnPath.ts";
import { selfSignedCertificate } from "../support/certificate.ts";
import { sharedRedis } from "../support/redis.ts";
import { dsn } from "../support/reportMail.ts";
import { type SmtpTalk, smtpSend, smtpTalk } from "../support/smtpTalk.ts";
import { waitFor } from "../support/waitFor.ts";
import { domain, openIntake, type TestIntake } from "./intakeForTests.ts";

const redis = await sharedRedis();
const closing: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const step of closing.reverse()) await step();
});

async function open(changes: Parameters<TestIntake["listen"]>[0] = {}) {
  const it = await openIntake(redis);
  closing.push(() => it.close());
  const { port, stop } = await it.listen(changes);
  return { ...it, port, stop };
}

async function greeted(port: number): Promise<SmtpTalk> {
  const talk = await smtpTalk(port);
  assert.match(talk.greeting, /^220/);
  await talk.say("EHLO mx.example.net");
  await talk.say("MAIL FROM:<>");
  return talk;
}

test("a recipient that is forged, expired, foreign or made up is refused at RCPT; return paths, postmaster and report addresses are taken", async () => {
  const it = await open();
  const { id, returnPath } = await it.send();
  const [token = ""] = returnPath.split("@");
  const message = { id, tenant: "default", recipients: ["one@example.net"], expiresAt: it.ledger.clock.now() + 3_600_000 };
  const key = returnPathKey("a secret of 32 characters or more");
  const expired = returnPathToken(key, { ...message, expiresAt: it.ledger.clock.now() - 2 * 86_400_000 });
  const forged = returnPathToken(returnPathKey("another secret of 32 characters!"), message);
  const refused: Record<string, RegExp> = {
    [`${forged}@${domain}`]: /^550 5\.1\.1 There is no such return path/,
    [`${expired}@${domain}`]: /^550 5\.1\.1 This return path has expired/,
    [`${token.slice(0, -1)}@${domain}`]: /^550 5\.1\.1/,
    [`${token}@elsewhere.example`]: /^550 5\.7\.1/,
    [`somebody@${domain}`]: /^550 5\.1\.1/,
  };
  for (const [address, answer] of Object.entries(refused)) {
    const talk = await greeted(it.port);
    assert.match(await talk.say(`RCPT TO:<${address}>`), answer, address);
    assert.match(await talk.say("DATA"), /^503/);
    talk.destroy();
  }
  for (const address of [returnPath, returnPath.toUpperCase(), "postmaster", `Postmaster@${domain}`, "FBL@Example.com"]) {
    const talk = await greeted(it.port);
    assert.match(await talk.say(`RCPT TO:<${address}>`), /^250/, address);
    talk.destroy();
  }
});

test("who guesses recipients is cut off, and a good one from the same host is taken all the same", async () => {
  const it = await open({ bounds: { refusedPerSession: 3, refusedPerHost: 5 } });
  const { returnPath } = await it.send();
  const guess = async (talk: SmtpTalk, index: number) => (await talk.say(`RCPT TO:<guess${index}@${domain}>`)).slice(0, 3);
  const first = await greeted(it.port);
  assert.deepEqual(
    [await guess(first, 1), await guess(first, 2), await guess(first, 3), await guess(first, 4)],
    ["550", "550", "550", "421"],
  );
  await first.ended;
  const second = await greeted(it.port);
  assert.deepEqual([await guess(second, 5), await guess(second, 6)], ["550", "421"]);
  second.destroy();
  assert.match(await smtpSend(it.port, { to: returnPath, raw: dsn({ recipient: "one@example.net" }) }), /^250/);
});

test("a bare CR or LF is refused wherever it stands, and nothing that follows it is taken for a command", async () => {
  const it = await open();
  const { returnPath } = await it.send();
  for (const raw of ["a\nb\r\n", "a\rb\r\n", "a\r\n\n.\n\r\nMAIL FROM:<x@example.com>\r\n", "a\r\n\n.\r\nQUIT\r\n", "a\n.\r\nb\r\n"]) {
    const answer = await smtpSend(it.port, { to: returnPath, raw: `Subject: x\r\n\r\n${raw}` });
    assert.match(answer, /^554 5\.6\.0/, JSON.stringify(raw));
  }
  assert.equal((await it.reports.list("default", {}, 10)).reports.length, 0);
});

test("a report of any size up to the limit is taken by its beginning; a larger one is refused", async () => {
  const it = await open({ sizeMax: 3 * 1024 ** 2 });
  const { id, returnPath } = await it.send();
  const padding = `${"x".repeat(98)}\r\n`;
  const large = dsn({ recipient: "one@example.net" }) + padding.repeat(20_000);
  assert.match(await smtpSend(it.port, { to: returnPath, raw: large }), /^250/);
  await it.read(1);
  assert.equal((await it.recipients(id))[0]?.status, "bounced");
  const [report] = (await it.reports.list("default", {}, 1)).reports;
  assert.equal(report?.size, Buffer.byteLength(large));
  assert.equal((await it.reports.content(report?.id ?? ""))?.length, 1024 ** 2);
  assert.match(await smtpSend(it.port, { to: returnPath, raw: padding.repeat(40_000) }), /^552 5\.3\.4/);
  const talk = await smtpTalk(it.port);
  await talk.say("EHLO x");
  assert.match(await talk.say("MAIL FROM:<> SIZE=99999999"), /^552/);
  talk.destroy();
});

test("a mail that breaks off before its final dot is none", async () => {
  const it = await open();
  const { returnPath } = await it.send();
  const talk = await greeted(it.port);
  await talk.say(`RCPT TO:<${returnPath}>`);
  await talk.say("DATA");
  talk.write(dsn({ recipient: "one@example.net" }));
  talk.destroy();
  await waitFor(() => it.outcomes.includes("broken_off"), { what: "the listener to notice", timeoutMs: 10_000 });
  assert.equal((await it.reports.list("default", {}, 10)).reports.length, 0);
});

test("recipients of a mail, connections in all and of one host are bounded", async () => {
  const it = await open({ bounds: { recipients: 2, connections: 4, connectionsPerHost: 3 } });
  const talk = await greeted(it.port);
  for (let index = 0; index < 2; index++) assert.match(await talk.say(`RCPT TO:<${(await it.send()).returnPath}>`), /^250/);
  assert.match(await talk.say(`RCPT TO:<${(await it.send()).returnPath}>`), /^452/);
  const others = [await greeted(it.port), await greeted(it.port)];
  const refused = await smtpTalk(it.port);
  assert.match(refused.greeting, /^421 4\.7\.0/);
  for (const one of [talk, ...others]) one.destroy();
  const placeIsFree = async () => {
    const next = await smtpTalk(it.port);
    next.destroy();
    return next.greeting.startsWith("220");
  };
  await waitFor(placeIsFree, { what: "a place to be free again", timeoutMs: 10_000 });
});

test("a silent session and one that never ends are closed", async () => {
  const silent = await open({ bounds: { idleMs: 200 } });
  const talk = await greeted(silent.port);
  assert.match(await talk.reply(), /^421/);
  talk.destroy();
  const endless = await open({ bounds: { sessionMs: 400 } });
  const busy = await greeted(endless.port);
  let isOver = false;
  void busy.ended.then(() => {
    isOver = true;
  });
  await waitFor(async () => isOver || (await busy.say("NOOP")) === "", { what: "the session to be cut", timeoutMs: 10_000, everyMs: 50 });
});

test("one mail to several return paths is a report on each", async () => {
  const it = await open();
  const sent = [await it.send(), await it.send()];
  const talk = await greeted(it.port);
  for (const { returnPath } of sent) await talk.say(`RCPT TO:<${returnPath}>`);
  assert.match(await talk.data(dsn({ recipient: "one@example.net" })), /^250/);
  await it.read(2);
  for (const { id } of sent) assert.equal((await it.recipients(id))[0]?.status, "bounced");
  talk.destroy();
});

test("several reports come on one connection, and commands that are none of a listener's are refused", async () => {
  const it = await open();
  const talk = await smtpTalk(it.port);
  const offered = await talk.say("EHLO mx.example.net");
  assert.match(offered, /SIZE \d+/);
  assert.doesNotMatch(offered, /AUTH|STARTTLS/);
  for (const line of ["AUTH PLAIN AGEAYg==", "STARTTLS", "WIZ", "SHELL", "KILL", "EXPN x"]) assert.match(await talk.say(line), /^50/, line);
  for (const note of ["first", "second"]) {
    const { returnPath } = await it.send();
    assert.match(await talk.say("MAIL FROM:<>"), /^250/);
    assert.match(await talk.say(`RCPT TO:<${returnPath}>`), /^250/);
    assert.match(await talk.data(dsn({ recipient: "one@example.net", note })), /^250/);
  }
  assert.match(await talk.say("QUIT"), /^221/);
  talk.destroy();
  await it.read(2);
});

test("STARTTLS is offered where there is a certificate, and a report comes through it", async () => {
  const certificate = await selfSignedCertificate();
  closing.push(() => certificate.remove());
  const it = await open({ tls: { cert: certificate.cert, key: certificate.key } });
  const { id, returnPath } = await it.send();
  const talk = await smtpTalk(it.port);
  assert.match(await talk.say("EHLO mx.example.net"), /STARTTLS/);
  await talk.startTls();
  assert.doesNotMatch(await talk.say("EHLO mx.example.net"), /STARTTLS/);
  await talk.say("MAIL FROM:<>");
  await talk.say(`RCPT TO:<${returnPath}>`);
  assert.match(await talk.data(dsn({ recipient: "one@example.net" })), /^250/);
  await it.read(1);
  assert.equal((await it.recipients(id))[0]?.status, "bounced");
  talk.destroy();
});

test("a stop lets the mail that is being received end, and a second one does nothing", async () => {
  const it = await open();
  const { returnPath } = await it.send();
  const receiving = await greeted(it.port);
  await receiving.say(`RCPT TO:<${returnPath}>`);
  await receiving.say("DATA");
  const idle = await greeted(it.port);
  const stopped = it.stop();
  assert.match(await idle.reply(), /^421/);
  idle.destroy();
  receiving.write(`${dsn({ recipient: "one@example.net" })}.\r\n`);
  assert.match(await receiving.reply(), /^250/);
  await Promise.all([stopped, it.stop()]);
  receiving.destroy();
});

test("a port that is taken is said with its number", async () => {
  const it = await open();
  const other = await openIntake(redis);
  closing.push(() => other.close());
  await assert.rejects(other.listen({ port: it.port }), new RegExp(`cannot listen on 127\\.0\\.0\\.1 port ${it.port}`));
});
