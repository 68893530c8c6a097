import assert from "node:assert/strict";
import { test } from "node:test";
import type { Mail } from "../../src/relay/transaction.ts";
import { openTestRelay, sendOnce, told } from "./openTestRelay.ts";
import { type Answer, type Answers, startRawRelay } from "./rawRelay.ts";

const ehlo = (...keywords: string[]) =>
  ["250-raw.test", ...keywords.map((keyword) => `250-${keyword}`), "250 ENHANCEDSTATUSCODES"].join("\r\n");
const addressOf = (line: string) => /<(.*)>/.exec(line)?.[1] ?? "";

/** Answers each recipient by its local part: `ok1`, `r550a`, `r450b`, … */
const byLocalPart = (_: unknown, line: string) => {
  const code = /^r(\d{3})/.exec(addressOf(line))?.[1];
  return code === undefined ? "250 2.1.5 ok" : `${code} ${code[0]}.1.1 said to ${addressOf(line)}`;
};

const afterRecipients: Answer = (client) => (client.accepted > 0 ? "354 go ahead" : "554 5.5.1 no valid recipients");

for (const pipelining of [true, false]) {
  const how = pipelining ? "with PIPELINING" : "without PIPELINING";
  const extensions = pipelining ? ["PIPELINING"] : [];

  test(`every recipient gets its own answer, ${how}`, async (t) => {
    const server = await startRawRelay({ EHLO: ehlo(...extensions), RCPT: byLocalPart });
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port });
    const to = ["ok1@x.test", "r550a@x.test", "r450b@x.test", "ok2@x.test", "r554c@x.test"];
    const sent = await sendOnce(relay, { to });
    assert.deepEqual(sent.outcomes.map(told), [
      "accepted 250",
      "refused rcpt 550",
      "try_later rcpt 450",
      "accepted 250",
      "refused rcpt 554",
    ]);
    const [, refused] = sent.outcomes;
    assert.deepEqual(refused, { kind: "refused", phase: "rcpt", reply: { code: 550, enhanced: "5.1.1", text: "said to r550a@x.test" } });
    assert.equal(sent.bodyHandedOver, true);
    // A transaction that the relay took leaves nothing to reset.
    assert.equal((await sendOnce(relay)).connection.reused, true);
    assert.ok(!server.clients[0]?.lines.includes("RSET"));
  });

  test(`when all recipients are refused no body leaves, and the session is reset and used again, ${how}`, async (t) => {
    const server = await startRawRelay({
      EHLO: ehlo(...extensions),
      RCPT: byLocalPart,
      DATA: afterRecipients,
    });
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port });
    const sent = await sendOnce(relay, { to: ["r550a@x.test", "r451b@x.test"] });
    assert.deepEqual(sent.outcomes.map(told), ["refused rcpt 550", "try_later rcpt 451"]);
    assert.equal(sent.bodyHandedOver, false);
    const next = await sendOnce(relay, { to: ["ok1@x.test"] });
    assert.deepEqual(next.outcomes.map(told), ["accepted 250"]);
    assert.equal(next.connection.reused, true);
    assert.equal(server.clients.length, 1);
    assert.ok(server.clients[0]?.lines.includes("RSET"));
  });

  for (const [point, code, phase] of [
    ["MAIL", 550, "mail"],
    ["MAIL", 451, "mail"],
    ["DATA", 554, "data"],
    ["DATA", 451, "data"],
    ["dot", 554, "after_dot"],
    ["dot", 452, "after_dot"],
  ] as const) {
    const kind = code >= 500 ? "refused" : "try_later";
    test(`${code} to ${point} is every accepted recipient's "${kind}", ${how}`, async (t) => {
      const reply = `${code}-${String(code)[0]}.7.0 first line\r\n${code} ${String(code)[0]}.7.0 second line`;
      const server = await startRawRelay({ EHLO: ehlo(...extensions), RCPT: byLocalPart, DATA: afterRecipients, [point]: reply });
      t.after(server.stop);
      const relay = openTestRelay(t, { port: server.port });
      const sent = await sendOnce(relay, { to: ["ok1@x.test", "r553a@x.test", "ok2@x.test"] });
      const common = `${kind} ${phase} ${code}`;
      assert.deepEqual(sent.outcomes.map(told), [common, point === "MAIL" ? common : "refused rcpt 553", common]);
      const [first] = sent.outcomes;
      assert.ok(first?.kind === kind);
      assert.equal(first.reply.text, "first line second line");
      assert.equal(first.reply.enhanced, `${String(code)[0]}.7.0`);
      await sendOnce(relay);
      assert.ok(server.clients[0]?.lines.includes("RSET"));
    });
  }

  test(`421 to one recipient keeps what others were told before, and holds for the rest, ${how}`, async (t) => {
    const server = await startRawRelay({ EHLO: ehlo(...extensions), RCPT: byLocalPart });
    t.after(server.stop);
    const sent = await sendOnce(openTestRelay(t, { port: server.port }), {
      to: ["ok1@x.test", "r550a@x.test", "r421b@x.test", "ok2@x.test"],
    });
    assert.deepEqual(sent.outcomes.map(told), ["try_later rcpt 421", "refused rcpt 550", "try_later rcpt 421", "try_later rcpt 421"]);
  });

  for (const reply of [
    "530 5.7.0 Authentication required",
    "534 5.7.9 too weak",
    "535 5.7.8 no",
    "538 5.7.11 encrypt",
    "503 5.5.1 AUTH first",
  ]) {
    test(`"${reply}" to MAIL is the relay's fault and nobody's refusal, ${how}`, async (t) => {
      const server = await startRawRelay({
        EHLO: ehlo(...extensions),
        MAIL: reply,
        RCPT: "503 5.5.1 MAIL first",
        DATA: "503 5.5.1 MAIL first",
      });
      t.after(server.stop);
      const sent = await sendOnce(openTestRelay(t, { port: server.port }), { to: ["a@x.test", "b@x.test"] });
      assert.deepEqual(sent.outcomes.map(told), Array(2).fill(`not_sent mail ${reply.slice(0, 3)}`));
    });
  }
}

test("a relay that grants DATA though it refused the sender is hung up on", async (t) => {
  const server = await startRawRelay({ MAIL: "550 5.1.0 no" });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  assert.deepEqual((await sendOnce(relay)).outcomes.map(told), ["refused mail 550"]);
  assert.equal(relay.stats().open, 0);
});

test("a relay that grants DATA though it refused every recipient is given an empty message at most, and its answer counts for nobody", async (t) => {
  const server = await startRawRelay({ RCPT: byLocalPart });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  const sent = await sendOnce(relay, { to: ["r550a@x.test"] });
  assert.deepEqual(sent.outcomes.map(told), ["refused rcpt 550"]);
  assert.deepEqual((await sendOnce(relay)).outcomes.map(told), ["accepted 250"]);
});

/** Runs one mail against a relay with these extensions; returns outcomes, and the commands that the relay saw. */
async function withExtensions(t: Parameters<typeof openTestRelay>[0], keywords: string[], mail: Partial<Mail>, answers: Answers = {}) {
  const server = await startRawRelay({ EHLO: ehlo(...keywords), ...answers });
  t.after(server.stop);
  const sent = await sendOnce(openTestRelay(t, { port: server.port }), mail);
  return { sent, told: sent.outcomes.map(told), lines: server.clients[0]?.lines ?? [] };
}

test("a message above the relay's SIZE is refused without a word to the relay, by a reply that says whose limit it was", async (t) => {
  const {
    sent,
    told: outcomes,
    lines,
  } = await withExtensions(t, ["SIZE 1000"], { bytes: Buffer.alloc(1001, "x"), to: ["a@x.test", "b@x.test"] });
  assert.deepEqual(outcomes, ["refused mail 552", "refused mail 552"]);
  const [first] = sent.outcomes;
  assert.ok(first?.kind === "refused" && first.reply.enhanced === "5.3.4");
  assert.match(first.reply.text, /^Not sent by Postern: .*1001 bytes.*127\.0\.0\.1 takes at most 1000.*The relay was not asked\.$/);
  assert.ok(!lines.some((line) => line.startsWith("MAIL")));
});

test("a message of exactly the relay's SIZE is sent, and its size announced", async (t) => {
  const { told: outcomes, lines } = await withExtensions(t, ["SIZE 1000"], { bytes: Buffer.alloc(1000, "x") });
  assert.deepEqual(outcomes, ["accepted 250"]);
  assert.ok(lines.includes("MAIL FROM:<app@one.test> SIZE=1000"), lines.join());
});

for (const keyword of ["SIZE", "SIZE 0"]) {
  test(`"${keyword}" sets no limit`, async (t) => {
    assert.deepEqual((await withExtensions(t, [keyword], { bytes: Buffer.alloc(5_000, "x") })).told, ["accepted 250"]);
  });
}

test("an address that needs SMTPUTF8 is refused where the relay lacks it, the others are sent", async (t) => {
  const { sent, told: outcomes, lines } = await withExtensions(t, ["PIPELINING"], { to: ["a@x.test", "jörg@x.test", "b@x.test"] });
  assert.deepEqual(outcomes, ["accepted 250", "refused mail 553", "accepted 250"]);
  const [, refused] = sent.outcomes;
  assert.ok(refused?.kind === "refused" && refused.reply.enhanced === "5.6.7");
  assert.match(refused.reply.text, /SMTPUTF8/);
  assert.ok(!lines.some((line) => line.includes("jörg")));
});

test("a sender or header fields that need SMTPUTF8 refuse all recipients where the relay lacks it", async (t) => {
  for (const mail of [{ from: "jörg@one.test" }, { smtputf8: true }]) {
    const { told: outcomes, lines } = await withExtensions(t, ["8BITMIME"], { ...mail, to: ["a@x.test", "b@x.test"] });
    assert.deepEqual(outcomes, ["refused mail 553", "refused mail 553"]);
    assert.ok(!lines.some((line) => line.startsWith("MAIL")));
  }
});

test("SMTPUTF8 is announced for addresses and for header fields that need it, once, and for nothing else", async (t) => {
  const extensions = ["SMTPUTF8", "8BITMIME", "SIZE"];
  for (const [mail, expected] of [
    [{ to: ["jörg@x.test"] }, "MAIL FROM:<app@one.test> SMTPUTF8 SIZE=2"],
    [{ smtputf8: true }, "MAIL FROM:<app@one.test> SMTPUTF8 BODY=8BITMIME SIZE=2"],
    [{ smtputf8: true, from: "jörg@x.test" }, "MAIL FROM:<jörg@x.test> SMTPUTF8 BODY=8BITMIME SIZE=2"],
    [{}, "MAIL FROM:<app@one.test> SIZE=2"],
  ] as const) {
    const { told: outcomes, lines } = await withExtensions(t, extensions, {
      ...mail,
      to: [...("to" in mail ? mail.to : ["a@x.test"])],
      bytes: Buffer.from("x\n"),
    });
    assert.deepEqual(outcomes, ["accepted 250"]);
    assert.ok(lines.includes(expected), lines.join("\n"));
  }
});

test("8-bit content is announced, and refused where the relay has no 8BITMIME", async (t) => {
  const eightBit = { eightBit: true, bytes: Buffer.from("Subject: x\r\n\r\nJörg\r\n") };
  const offered = await withExtensions(t, ["8BITMIME"], eightBit);
  assert.deepEqual(offered.told, ["accepted 250"]);
  assert.ok(offered.lines.includes("MAIL FROM:<app@one.test> BODY=8BITMIME"));
  const missing = await withExtensions(t, [], eightBit);
  assert.deepEqual(missing.told, ["refused mail 554"]);
  assert.ok(!missing.lines.some((line) => line.startsWith("MAIL")));
});

test("extensions named in the greeting line of EHLO are not taken for offers", async (t) => {
  const { told: outcomes } = await withExtensions(t, [], { eightBit: true }, { EHLO: "250 raw.test 8BITMIME SMTPUTF8" });
  assert.deepEqual(outcomes, ["refused mail 554"]);
});

test("a relay that knows only HELO is sent to without extensions", async (t) => {
  const { told: outcomes, lines } = await withExtensions(
    t,
    [],
    {},
    { EHLO: "502 5.5.1 unknown", ...({ HELO: "250 raw.test" } as Answers) },
  );
  assert.deepEqual(outcomes, ["accepted 250"]);
  assert.ok(lines.includes("MAIL FROM:<app@one.test>"));
});

test("an address can smuggle neither command, parameter nor second recipient; the honest ones are sent", async (t) => {
  const hostile = [
    "a@x.test>\r\nRCPT TO:<evil@x.test",
    "a@x.test\nDATA",
    "a@x.test> NOTIFY=NEVER",
    "<a@x.test",
    "",
    " a@x.test",
    "a@x.test\0",
    "a@x.test\u0085b",
  ];
  const { told: outcomes, lines } = await withExtensions(t, ["PIPELINING", "SMTPUTF8"], { to: [...hostile, "good@x.test"] });
  assert.deepEqual(outcomes, [...hostile.map(() => "refused mail 553"), "accepted 250"]);
  assert.deepEqual(
    lines.filter((line) => line.startsWith("RCPT")),
    ["RCPT TO:<good@x.test>"],
  );
});

test("a sender that would smuggle is refused for all", async (t) => {
  const { told: outcomes, lines } = await withExtensions(t, [], { from: "a@x.test> SIZE=1\r\nRCPT TO:<evil@x.test" });
  assert.deepEqual(outcomes, ["refused mail 553"]);
  assert.deepEqual(lines, ["EHLO postern.test"]);
});

test("the null sender is sent as <>", async (t) => {
  const { told: outcomes, lines } = await withExtensions(t, [], { from: "" });
  assert.deepEqual(outcomes, ["accepted 250"]);
  assert.ok(lines.includes("MAIL FROM:<>"));
});

test("no recipients: no transaction, and the session stays usable", async (t) => {
  const { sent, lines } = await withExtensions(t, [], { to: [] });
  assert.deepEqual(sent.outcomes, []);
  assert.deepEqual(lines, ["EHLO postern.test"]);
});

test("the arrays and bytes given are left as they were", async (t) => {
  const to = ["r550a@x.test", "ok1@x.test", "jörg@x.test"];
  const bytes = Buffer.from("Subject: x\r\n\r\n.dot\nbare\r\n");
  const before = Buffer.from(bytes);
  await withExtensions(t, ["PIPELINING"], { to, bytes }, { RCPT: byLocalPart });
  assert.deepEqual(to, ["r550a@x.test", "ok1@x.test", "jörg@x.test"]);
  assert.deepEqual(bytes, before);
});
