// The capture relay, seen by an SMTP client: what it keeps, and how it misbehaves on demand.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it, type TestContext } from "node:test";
import { createTransport } from "nodemailer";
import { type CaptureRelay, startCaptureRelay } from "../../src/sandbox/captureRelay.ts";
import { log, temporaryFolder, until } from "./sandboxForTests.ts";

type Options = Partial<Parameters<typeof startCaptureRelay>[0]>;

async function startRelay(test: TestContext, options: Options = {}): Promise<CaptureRelay> {
  const relay = await startCaptureRelay({ folder: await temporaryFolder(test), log, ...options });
  test.after(relay.stop);
  return relay;
}

type Reply = { accepted: string[]; rejected: Record<string, string>; response: string };

/** Sends one mail with nodemailer; a refusal of everything or a broken connection comes out as `error`. */
async function send(
  relay: CaptureRelay,
  mail: { from?: string; to: string | string[]; raw?: string | Buffer; subject?: string },
): Promise<Reply | { error: { responseCode?: number; response?: string } }> {
  const transport = createTransport({ host: relay.host, port: relay.port });
  const { from = "app@example.com", to, raw, subject = "Hello" } = mail;
  try {
    const info = await transport.sendMail({
      envelope: { from, to },
      raw: raw ?? `From: app@example.com\r\nSubject: ${subject}\r\n\r\nHi\r\n`,
    });
    const rejected = (info.rejectedErrors ?? []).map((error) => [error.recipient ?? "", error.response ?? ""]);
    return { accepted: info.accepted.map(String), rejected: Object.fromEntries(rejected), response: info.response };
  } catch (error) {
    return { error: error as { responseCode?: number; response?: string } };
  } finally {
    transport.close();
  }
}

async function failedSend(relay: CaptureRelay, to: string, from?: string): Promise<{ responseCode?: number; response?: string }> {
  const result = await send(relay, { to, ...(from === undefined ? {} : { from }) });
  assert.ok("error" in result, `${to} was accepted`);
  return result.error;
}

async function acceptedSend(relay: CaptureRelay, mail: Parameters<typeof send>[1]): Promise<Reply> {
  const result = await send(relay, mail);
  assert.ok(!("error" in result), "error" in result ? String(result.error) : "");
  return result;
}

/** A bare SMTP client, for what nodemailer would mend before it sends. */
function speak(
  test: TestContext,
  relay: CaptureRelay,
): { socket: Socket; replies: string[]; say(text: string, lines?: number): Promise<string> } {
  const socket = connect(relay.port, relay.host);
  test.after(() => socket.destroy());
  const replies: string[] = [];
  createInterface({ input: socket }).on("line", (line) => {
    if (line[3] !== "-") replies.push(line);
  });
  return {
    socket,
    replies,
    say: async (text) => {
      const before = replies.length;
      socket.write(text);
      await until(() => replies.length > before);
      return replies.at(-1) ?? "";
    },
  };
}

describe("capture relay", () => {
  it("keeps what it accepts: envelope, decoded sender and subject, size and the very bytes", async (test) => {
    const relay = await startRelay(test, { clock: () => 1_700_000_000_000 });
    const raw =
      "From: =?utf-8?Q?J=C3=BCrgen?= <a@example.com>\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?Q?_aus_K=C3=B6ln?=\r\n\r\n.dot\r\n..dots\r\n\r\n.\r\n";
    const { response } = await acceptedSend(relay, {
      from: "bounce+1@example.com",
      to: ["One@example.com", "delivered@sandbox.test"],
      raw,
    });
    const { data, next } = await relay.list({ limit: 10 });
    assert.equal(data.length, 1);
    assert.equal(next, undefined);
    const [message] = data;
    assert.ok(message);
    assert.equal(response, `250 2.0.0 Captured as ${message.id}`);
    assert.deepEqual(message, {
      id: message.id,
      received_at: 1_700_000_000_000,
      envelope: { from: "bounce+1@example.com", to: ["One@example.com", "delivered@sandbox.test"] },
      from: "Jürgen <a@example.com>",
      subject: "Grüße aus Köln",
      size: Buffer.byteLength(raw),
    });
    assert.deepEqual(await relay.get(message.id), { message, raw: Buffer.from(raw) });
  });

  it("offers what the gateway uses of SMTP, and neither login nor TLS", async (test) => {
    const client = speak(test, await startRelay(test, { bytesMax: 12_345 }));
    const extensions: string[] = [];
    createInterface({ input: client.socket }).on("line", (line) => extensions.push(line.slice(4)));
    await until(() => client.replies.length === 1);
    await client.say("EHLO client.example\r\n");
    for (const extension of ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 12345"]) assert.ok(extensions.includes(extension), extension);
    assert.ok(!extensions.some((extension) => /STARTTLS|AUTH/.test(extension)));
  });

  it("takes the null sender, international addresses, and any number of pipelined commands on one connection", async (test) => {
    const relay = await startRelay(test, { messagesMax: 5 });
    await acceptedSend(relay, { from: "", to: "jürgen@bücher.example", subject: "Grüße" });
    const { data } = await relay.list({ limit: 1 });
    assert.deepEqual(data[0]?.envelope, { from: "", to: ["jürgen@bücher.example"] });
    assert.equal(data[0]?.subject, "Grüße");

    const client = speak(test, relay);
    await until(() => client.replies.length === 1);
    await client.say("EHLO client.example\r\n");
    const before = client.replies.length;
    client.socket.write("MAIL FROM:<a@example.com>\r\nRCPT TO:<hardbounce@sandbox.test>\r\nRSET\r\n".repeat(500));
    await until(() => client.replies.length === before + 1_500);
    assert.equal(client.replies.filter((reply) => reply.startsWith("550 5.1.1 ")).length, 500);
  });

  it("refuses hardbounce@ for good, and mailboxfull@ for now every time, in any case and with any tag", async (test) => {
    const relay = await startRelay(test);
    for (const to of ["hardbounce@sandbox.test", "HardBounce@Sandbox.Test", "hardbounce+tag@sandbox.test"]) {
      assert.match((await failedSend(relay, to)).response ?? "", /^550 5\.1\.1 \S/);
    }
    for (let attempt = 0; attempt < 4; attempt++) {
      assert.match((await failedSend(relay, "mailboxfull@sandbox.test")).response ?? "", /^452 4\.2\.2 \S/);
    }
    assert.deepEqual(await relay.list({ limit: 10 }), { data: [] });
  });

  it("accepts the names of the sandbox addresses at every other domain, and every other name at the sandbox's", async (test) => {
    const relay = await startRelay(test);
    const to = [
      "hardbounce@example.com",
      "drop@sub.sandbox.test",
      "anything@sandbox.test",
      "constructor@sandbox.test",
      "latebounce@sandbox.test",
      "complaint@sandbox.test",
    ];
    assert.deepEqual((await acceptedSend(relay, { to })).accepted, to);
  });

  it("answers each recipient of one mail on its own", async (test) => {
    const relay = await startRelay(test);
    const to = ["delivered@sandbox.test", "hardbounce@sandbox.test", "softbounce@sandbox.test", "mailboxfull@sandbox.test"];
    const { accepted, rejected } = await acceptedSend(relay, { to });
    assert.deepEqual(accepted, ["delivered@sandbox.test"]);
    assert.deepEqual(
      Object.entries(rejected).map(([address, response]) => [address, response.slice(0, 9)]),
      [
        ["hardbounce@sandbox.test", "550 5.1.1"],
        ["softbounce@sandbox.test", "450 4.2.0"],
        ["mailboxfull@sandbox.test", "452 4.2.2"],
      ],
    );
    assert.deepEqual((await relay.list({ limit: 10 })).data[0]?.envelope.to, ["delivered@sandbox.test"]);
  });

  it("accepts softbounce@ at the third try, counts each sender and each tag alone, and begins anew with the next mail", async (test) => {
    const relay = await startRelay(test);
    for (let mail = 0; mail < 2; mail++) {
      for (let attempt = 1; attempt <= 2; attempt++) {
        assert.match((await failedSend(relay, "softbounce@sandbox.test", "bounce+1@example.com")).response ?? "", /^450 4\.2\.0 \S/);
      }
      await failedSend(relay, "softbounce@sandbox.test", "bounce+2@example.com");
      await failedSend(relay, "softbounce+tag@sandbox.test", "bounce+1@example.com");
      await acceptedSend(relay, { from: "bounce+1@example.com", to: "softbounce@sandbox.test" });
      // The third try of the other sender and of the other tag: with it both begin anew too.
      await failedSend(relay, "softbounce@sandbox.test", "bounce+2@example.com");
      await acceptedSend(relay, { from: "bounce+2@example.com", to: "softbounce@sandbox.test" });
      await failedSend(relay, "softbounce+tag@sandbox.test", "bounce+1@example.com");
      await acceptedSend(relay, { from: "bounce+1@example.com", to: "softbounce+tag@sandbox.test" });
    }
  });

  it("goes on accepting a softbounce@ whose third try was lost after RCPT", async (test) => {
    const relay = await startRelay(test);
    for (let attempt = 1; attempt <= 2; attempt++) await failedSend(relay, "softbounce@sandbox.test");
    assert.ok("error" in (await send(relay, { to: ["softbounce@sandbox.test", "drop@sandbox.test"] })));
    await acceptedSend(relay, { to: "softbounce@sandbox.test" });
  });

  it("forgets the tries of a softbounce@ that nobody came back for", async (test) => {
    let now = 1_700_000_000_000;
    const relay = await startRelay(test, { clock: () => now });
    for (let attempt = 1; attempt <= 2; attempt++) await failedSend(relay, "softbounce@sandbox.test");
    now += 2 * 60 * 60_000;
    for (let attempt = 1; attempt <= 2; attempt++) await failedSend(relay, "softbounce@sandbox.test");
    await acceptedSend(relay, { to: "softbounce@sandbox.test" });
  });

  it("cuts the connection after the final dot for drop@, keeps nothing, and works on", async (test) => {
    const relay = await startRelay(test);
    const client = speak(test, relay);
    await until(() => client.replies.length === 1);
    await client.say("EHLO client.example\r\n");
    await client.say("MAIL FROM:<a@example.com>\r\n");
    assert.match(await client.say("RCPT TO:<drop@sandbox.test>\r\n"), /^250 /);
    assert.match(await client.say("DATA\r\n"), /^354 /);
    const before = client.replies.length;
    client.socket.write("Subject: gone\r\n\r\nHi\r\n.\r\n");
    await once(client.socket, "close");
    assert.equal(client.replies.length, before);
    assert.deepEqual(await relay.list({ limit: 10 }), { data: [] });
    await acceptedSend(relay, { to: "delivered@sandbox.test" });
  });

  it("answers the final dot late for slow@, and only for it", async (test) => {
    const relay = await startRelay(test, { slowAnswerMs: 400 });
    let startedAt = performance.now();
    await acceptedSend(relay, { to: ["slow@sandbox.test", "delivered@sandbox.test"] });
    assert.ok(performance.now() - startedAt >= 400);
    const patient = await startRelay(test, { slowAnswerMs: 600_000 });
    startedAt = performance.now();
    await acceptedSend(patient, { to: "delivered@sandbox.test" });
    assert.ok(performance.now() - startedAt < 60_000);
  });

  it("refuses a bare CR or LF anywhere in a message and keeps nothing of it", async (test) => {
    const folder = await temporaryFolder(test);
    const relay = await startRelay(test, { folder });
    for (const body of [
      "a\nb\r\n",
      "a\rb\r\n",
      "\na\r\n",
      "a\r\r\n",
      "a\n.\nb\r\n",
      `${"x".repeat(200_000)}\n${"y".repeat(200_000)}\r\n`,
    ]) {
      const client = speak(test, relay);
      await until(() => client.replies.length === 1);
      await client.say("EHLO client.example\r\n");
      await client.say("MAIL FROM:<a@example.com>\r\n");
      await client.say("RCPT TO:<b@example.com>\r\n");
      await client.say("DATA\r\n");
      assert.match(await client.say(`Subject: x\r\n\r\n${body}.\r\n`), /^554 5\.6\.0 /, JSON.stringify(body.slice(0, 20)));
    }
    assert.deepEqual(await readdir(folder), []);
  });

  it("keeps nothing of a mail whose client hangs up before the final dot", async (test) => {
    const folder = await temporaryFolder(test);
    const relay = await startRelay(test, { folder });
    const client = speak(test, relay);
    await until(() => client.replies.length === 1);
    await client.say("EHLO client.example\r\n");
    await client.say("MAIL FROM:<a@example.com>\r\n");
    await client.say("RCPT TO:<b@example.com>\r\n");
    await client.say("DATA\r\n");
    client.socket.write(`Subject: x\r\n\r\n${"x".repeat(300_000)}`);
    await until(async () => (await readdir(folder)).length === 1);
    client.socket.destroy();
    await until(async () => (await readdir(folder)).length === 0);
    assert.deepEqual(await relay.list({ limit: 10 }), { data: [] });
  });

  it("pages through what it kept, newest first, also mails of the same millisecond", async (test) => {
    const relay = await startRelay(test, { clock: () => 1_700_000_000_000 });
    for (let number = 1; number <= 5; number++) await acceptedSend(relay, { to: "a@example.com", subject: `${number}` });
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await relay.list({ limit: 2, ...(after === undefined ? {} : { after }) });
      seen.push(...page.data.map((message) => message.subject));
      after = page.next;
    } while (after !== undefined);
    assert.deepEqual(seen, ["5", "4", "3", "2", "1"]);
  });

  it("finds its mail again after a restart, and tidies up halves, but leaves strange files alone", async (test) => {
    const folder = await temporaryFolder(test);
    const first = await startRelay(test, { folder });
    for (const subject of ["one", "two"]) await acceptedSend(first, { to: "a@example.com", subject });
    const before = await first.list({ limit: 10 });
    await Promise.all([first.stop(), first.stop()]);
    const halves = ["incoming-01234567-89ab-4cde-8f01-23456789abcd.eml", "cap_0zzzzzzzz00001234567.eml", "cap_0zzzzzzzz00001234568.json"];
    for (const name of [...halves, "notes.txt"]) await writeFile(join(folder, name), "half");

    // As an earlier version kept it.
    const [oldest] = before.data.slice(-1) as [(typeof before.data)[number]];
    const { from: _unsaid, ...earlier } = oldest;
    await writeFile(join(folder, `${oldest.id}.json`), JSON.stringify(earlier));

    // With a clock that was set back: what comes now is newer all the same.
    const second = await startRelay(test, { folder, clock: () => 1_000 });
    assert.deepEqual(await second.list({ limit: 10 }), before);
    await acceptedSend(second, { to: "a@example.com", subject: "three" });
    const after = (await second.list({ limit: 10 })).data;
    assert.deepEqual(
      after.map((message) => message.subject),
      ["three", "two", "one"],
    );
    for (const message of after) assert.equal((await second.get(message.id))?.raw.length, message.size);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => !/^cap_.*\.(eml|json)$/.test(name)),
      ["notes.txt"],
    );
    assert.equal((await readdir(folder)).length, 7);
  });

  it("keeps the newest so many messages and bytes, in memory and on disk", async (test) => {
    const folder = await temporaryFolder(test);
    const raw = (subject: string) => `Subject: ${subject}\r\n\r\n${`${"x".repeat(98)}\r\n`.repeat(10)}`;
    const subjects = async (relay: CaptureRelay) => (await relay.list({ limit: 100 })).data.map((message) => message.subject);
    const relay = await startRelay(test, { folder, messagesMax: 3, bytesMax: 2_500 });
    for (const subject of ["1", "2", "3", "4"]) await acceptedSend(relay, { to: "a@example.com", subject });
    assert.deepEqual(await subjects(relay), ["4", "3", "2"]);
    const oldest = (await relay.list({ limit: 3 })).data.at(-1)?.id ?? "";
    for (const subject of ["5", "6"]) await acceptedSend(relay, { to: "a@example.com", raw: raw(subject) });
    assert.deepEqual(await subjects(relay), ["6", "5", "4"]);
    await acceptedSend(relay, { to: "a@example.com", raw: raw("7") });
    assert.deepEqual(await subjects(relay), ["7", "6"]);
    assert.equal((await readdir(folder)).length, 4);
    assert.equal(await relay.get(oldest), undefined);
    await relay.stop();
    assert.deepEqual(await subjects(await startRelay(test, { folder, messagesMax: 1 })), ["7"]);
    assert.equal((await readdir(folder)).length, 2);
  });

  it("refuses a mail larger than all that it may keep, announced or not", async (test) => {
    const folder = await temporaryFolder(test);
    const relay = await startRelay(test, { folder, bytesMax: 1_000 });
    const client = speak(test, relay);
    await until(() => client.replies.length === 1);
    await client.say("EHLO client.example\r\n");
    assert.match(await client.say("MAIL FROM:<a@example.com> SIZE=1001\r\n"), /^552 /);
    await client.say("MAIL FROM:<a@example.com>\r\n");
    await client.say("RCPT TO:<b@example.com>\r\n");
    await client.say("DATA\r\n");
    assert.match(await client.say(`Subject: x\r\n\r\n${"x".repeat(2_000)}\r\n.\r\n`), /^552 5\.3\.4 /);
    assert.deepEqual(await readdir(folder), []);
  });

  it("gives nothing for an id that it did not give out, whatever path it looks like", async (test) => {
    const folder = await temporaryFolder(test);
    await writeFile(join(folder, "secret.eml"), "secret");
    const relay = await startRelay(test, { folder: join(folder, "captured") });
    for (const id of ["../secret", "", ".", "constructor", "cap_0zzzzzzzz00001234567"]) assert.equal(await relay.get(id), undefined);
  });

  it("stops at once with an idle client, and answers a slow@ under way", async (test) => {
    const relay = await startRelay(test, { slowAnswerMs: 600_000 });
    const idle = speak(test, relay);
    await until(() => idle.replies.length === 1);
    const slow = send(relay, { to: "slow@sandbox.test" });
    await until(async () => (await relay.list({ limit: 1 })).data.length === 1);
    await relay.stop();
    assert.ok(!("error" in (await slow)));
    assert.match(idle.replies.at(-1) ?? "", /^421 /);
  });
});
