// What a session does of its own: signing, several transactions for many recipients, and the relay's limits.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { RelayLimits } from "../../src/domain/relay.ts";
import { createDkimSigner } from "../../src/relay/dkim.ts";
import { dkimRecord, verifyByMailauth } from "../support/dkimVerifier.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { mail, openTestRelay, sendOnce, sessionOf, told } from "./openTestRelay.ts";
import { startRawRelay } from "./rawRelay.ts";

const none: RelayLimits = { rates: [], burst: 0, domains: {} };
const privateKey = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const sign = createDkimSigner({ keys: [{ domain: "one.test", selector: "s", privateKey, subdomains: false }] });
const dns = { "s._domainkey.one.test": dkimRecord(privateKey) };
const bytes = Buffer.from("From: app@one.test\r\nSubject: x\r\nMessage-ID: <1@one.test>\r\n\r\n.dot\r\nhello\r\n");
const many = (count: number) => Array.from({ length: count }, (_, index) => `r${index}@two.test`);

for (const [size, body] of [
  ["small", Buffer.alloc(0)],
  ["large", Buffer.from(`${"ü".repeat(35)}\r\n`.repeat(40_000), "utf8")],
] as const) {
  test(`a ${size} message arrives signed, its own bytes unchanged below, and its size announced with the signature`, async (t) => {
    const server = await startScriptedRelay();
    t.after(server.stop);
    const whole = Buffer.concat([bytes, body]);
    const relay = openTestRelay(t, { port: server.port, sign });
    const sent = await sendOnce(relay, { bytes: whole, fromDomain: "one.test", eightBit: true });
    assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
    const raw = server.accepted[0]?.raw ?? Buffer.alloc(0);
    assert.ok(raw.subarray(-whole.length).equals(whole));
    assert.deepEqual(
      (await verifyByMailauth(raw, dns)).map(({ result }) => result),
      ["pass"],
    );
    const announced = server.connections[0]?.commands.find((line) => line.startsWith("MAIL"));
    assert.ok(announced?.includes(`SIZE=${raw.length}`), announced);
  });
}

test("mail of a domain without a key, or of none, goes out as it is", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, sign });
  await sendOnce(relay, { bytes, fromDomain: "other.test" });
  await sendOnce(relay, { bytes });
  assert.ok(server.accepted.every(({ raw }) => raw.equals(bytes)));
  assert.equal(server.accepted.length, 2);
});

test("fields that the relay rewrites are not signed", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  await sendOnce(openTestRelay(t, { port: server.port, sign, rewrites: ["message-id"] }), { bytes, fromDomain: "one.test" });
  const raw = server.accepted[0]?.raw.toString("latin1") ?? "";
  assert.ok(raw.includes("DKIM-Signature:") && !/h=[^;]*message-id/.test(raw), raw);
});

test("a signature that fails keeps the mail here, and the session goes on", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  let fails = true;
  const relay = openTestRelay(t, {
    port: server.port,
    sign: (wanted) => (fails ? Promise.reject(new Error("no entropy")) : sign(wanted)),
  });
  const session = await sessionOf(relay);
  const sent = await session.send({ ...mail, to: many(2), bytes, fromDomain: "one.test" });
  assert.deepEqual(sent.outcomes.map(told), ["not_sent mail", "not_sent mail"]);
  assert.equal(sent.bodyHandedOver, false);
  assert.match(sent.outcomes[0]?.kind === "not_sent" ? sent.outcomes[0].fault.text : "", /could not be signed/);
  fails = false;
  assert.deepEqual((await session.send({ ...mail, bytes, fromDomain: "one.test" })).outcomes.map(told), ["accepted 250"]);
  session.release();
  assert.equal(server.accepted.length, 1);
});

test("more recipients than a transaction may have go in several, on one connection, each to its own", async (t) => {
  const server = await startScriptedRelay({ onRcpt: ({ address }) => (address === "r3@two.test" ? "550 5.1.1 unknown" : undefined) });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, limits: { ...none, recipientsPerTransaction: 2 } });
  let asked = 0;
  const sent = await sendOnce(relay, {
    to: many(5),
    beforeFinalDot: () => {
      asked++;
      return true;
    },
  });
  assert.deepEqual(sent.outcomes.map(told), ["accepted 250", "accepted 250", "accepted 250", "refused rcpt 550", "accepted 250"]);
  assert.deepEqual(
    server.accepted.map(({ to }) => to),
    [["r0@two.test", "r1@two.test"], ["r2@two.test"], ["r4@two.test"]],
  );
  assert.equal(server.connections.length, 1);
  assert.equal(asked, 3);
  assert.equal(sent.transcript.filter(({ line }) => line.startsWith("MAIL FROM")).length, 3);
  assert.equal(sent.connection.reused, false);
  assert.ok(sent.timings.connectMs !== undefined);
});

test("where one transaction fails by the relay's fault, the recipients of the next ones are not sent to", async (t) => {
  let bodies = 0;
  const server = await startRawRelay({
    dot: (client) => {
      if (++bodies < 2) return "250 2.0.0 ok";
      client.cut();
      return undefined;
    },
  });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, limits: { ...none, recipientsPerTransaction: 1 } });
  const sent = await sendOnce(relay, { to: many(4) });
  assert.deepEqual(sent.outcomes.map(told), ["accepted 250", "in_doubt after_dot", "not_sent after_dot", "not_sent after_dot"]);
  assert.equal(sent.bodyHandedOver, true);
  assert.equal(server.clients.length, 1);
});

test("a mail that is withdrawn before its second final dot is withdrawn for all who follow", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, limits: { ...none, recipientsPerTransaction: 1 } });
  let asked = 0;
  const sent = await sendOnce(relay, { to: many(3), beforeFinalDot: () => ++asked < 2 });
  assert.deepEqual(sent.outcomes.map(told), ["accepted 250", "not_sent body", "not_sent body"]);
  assert.equal(asked, 2);
  assert.equal(server.accepted.length, 1);
});

test("a transcript of many transactions stays within its bounds", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, limits: { ...none, recipientsPerTransaction: 1 } });
  const { transcript, outcomes } = await sendOnce(relay, { to: many(50) });
  assert.ok(outcomes.every(({ kind }) => kind === "accepted") && outcomes.length === 50);
  assert.ok(transcript.length <= 200, `${transcript.length}`);
  assert.ok(transcript.some(({ line }) => /lines left out/.test(line)));
  assert.match(transcript.at(-1)?.line ?? "", /^250 /);
});

test("a message beyond the configured size is refused without asking the relay", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, limits: { ...none, messageBytesMax: 1_024 } });
  const sent = await sendOnce(relay, { bytes: Buffer.alloc(1_025, "x") });
  assert.deepEqual(sent.outcomes.map(told), ["refused mail 552"]);
  assert.match(sent.outcomes[0]?.kind === "refused" ? sent.outcomes[0].reply.text : "", /1025 bytes.*at most 1024 \(max_message_size\)/);
  assert.ok(!server.connections[0]?.commands.some((line) => line.startsWith("MAIL")));
});

test("a connection takes no more messages than it is allowed", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, limits: { ...none, messagesPerConnection: 3 } });
  for (let index = 0; index < 7; index++) await sendOnce(relay);
  assert.deepEqual(
    server.connections.map(({ commands }) => commands.filter((line) => line.startsWith("MAIL")).length),
    [3, 3, 1],
  );
});
