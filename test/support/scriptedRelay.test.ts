import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { createTransport } from "nodemailer";
import { type Script, startScriptedRelay } from "./scriptedRelay.ts";
import { waitFor } from "./waitFor.ts";

const raw = "Message-ID: <1@one.test>\r\nSubject: x\r\n\r\n.dot\r\n..two dots\r\n.\r\n\r\nend\r\n";
const envelope = { from: "a@one.test", to: ["b@two.test", "c@two.test"] };

test("an accepted mail is kept with its envelope, its exact bytes and its time", async (t) => {
  const relay = await startScriptedRelay();
  t.after(relay.stop);
  const before = Date.now();
  await createTransport(relay.url).sendMail({ envelope, raw });
  const [mail] = relay.accepted;
  assert.deepEqual({ ...mail, raw: mail?.raw.toString(), at: 0 }, { ...envelope, raw, at: 0, connection: 1 });
  assert.ok(mail && mail.at >= before && mail.at <= Date.now());
  const verbs = relay.connections[0]?.commands.map((line) => line.split(" ")[0]);
  assert.deepEqual(verbs, ["EHLO", "MAIL", "RCPT", "RCPT", "DATA", ...(verbs?.includes("QUIT") ? ["QUIT"] : [])]);
});

test("each recipient gets its own answer at each attempt", async (t) => {
  const relay = await startScriptedRelay({
    onRcpt: ({ address, attempt }) => (address === "c@two.test" && attempt < 3 ? `450 4.2.2 full, try ${attempt}` : undefined),
  });
  t.after(relay.stop);
  const transport = createTransport(relay.url);
  for (const expected of [["b@two.test"], ["b@two.test"], envelope.to]) {
    const sent = await transport.sendMail({ envelope, raw });
    assert.deepEqual(sent.accepted, expected);
    assert.deepEqual(relay.accepted.at(-1)?.to, expected);
  }
});

for (const [how, secure] of [
  ["in clear", {}],
  ["under STARTTLS", { starttls: true }],
  ["under implicit TLS", { implicitTls: true }],
] as const) {
  test(`a cut after the final dot leaves the mail stored or not, as the script says, ${how}`, async (t) => {
    const relay = await startScriptedRelay({ ...secure, onData: ({ attempt }) => ({ cut: true, store: attempt === 2 }) });
    t.after(relay.stop);
    const transport = createTransport({ url: relay.url, tls: { rejectUnauthorized: false } } as object);
    await assert.rejects(transport.sendMail({ envelope, raw }));
    assert.equal(relay.accepted.length, 0);
    await assert.rejects(transport.sendMail({ envelope, raw }));
    assert.equal(relay.accepted.length, 1);
    assert.ok(relay.connections.every(({ secure: secured, closedAt }) => secured === (how !== "in clear") && closedAt !== undefined));
  });
}

test("an answer to the final dot comes as late as the script says", async (t) => {
  const relay = await startScriptedRelay({ onData: () => ({ delayMs: 150 }) });
  t.after(relay.stop);
  const before = performance.now();
  await createTransport(relay.url).sendMail({ envelope, raw });
  assert.ok(performance.now() - before >= 145);
});

test("a burst of 421 greetings turns the first connections away and closes them", async (t) => {
  const relay = await startScriptedRelay({ onConnect: ({ number }) => (number <= 2 ? "421 4.3.2 too busy" : undefined) });
  t.after(relay.stop);
  const transport = createTransport(relay.url);
  await assert.rejects(transport.sendMail({ envelope, raw }), /421/);
  await assert.rejects(transport.sendMail({ envelope, raw }), /421/);
  await transport.sendMail({ envelope, raw });
  assert.equal(relay.accepted.length, 1);
  await waitFor(() => relay.connections.slice(0, 2).every(({ closedAt }) => closedAt), { what: "the closing" });
});

test("mail is taken over STARTTLS, with a certificate that can be verified, after a login by PLAIN or LOGIN and not without", async (t) => {
  const auth = { user: "u@x", pass: "p:w" };
  const relay = await startScriptedRelay({ starttls: true, auth });
  t.after(relay.stop);
  const base = { host: "localhost", port: relay.port, requireTLS: true, tls: { ca: relay.certificate?.cert as string } };
  for (const authMethod of ["PLAIN", "LOGIN"]) await createTransport({ ...base, auth, authMethod }).sendMail({ envelope, raw });
  await assert.rejects(createTransport(base).sendMail({ envelope, raw }), /530/);
  await assert.rejects(createTransport({ ...base, auth: { ...auth, pass: "wrong" } }).sendMail({ envelope, raw }), /535/);
  assert.equal(relay.accepted.length, 2);
  assert.deepEqual(
    relay.connections.map(({ secure, user }) => [secure, user]),
    [
      [true, auth.user],
      [true, auth.user],
      [true, undefined],
      [true, undefined],
    ],
  );
  assert.ok(!JSON.stringify(relay.connections).includes(Buffer.from("\0u@x\0p:w").toString("base64")));
});

test("a mail of 10 MB in small pieces, and one split inside its final dot, arrive whole", async (t) => {
  const relay = await startScriptedRelay();
  t.after(relay.stop);
  const big = `Subject: big\r\n\r\n${".0123456789\r\n".repeat(800_000)}`;
  await createTransport(relay.url).sendMail({ envelope, raw: big });
  assert.equal(relay.accepted[0]?.raw.toString(), big);

  const socket = connect(relay.port, relay.host);
  t.after(() => socket.destroy());
  let replies = "";
  socket.setNoDelay().on("data", (chunk) => {
    replies += chunk.toString();
  });
  for (const piece of ["EHLO x\r\nMAIL FROM:<>\r", "\nRCPT TO:<b@two.test>\r\nDATA\r\n", "x\r", "\n.", "\r", "\n"]) {
    socket.write(piece);
    if (piece.includes("DATA")) await waitFor(() => replies.includes("354"), { what: "354" });
    else await waitFor(() => socket.writableLength === 0, { what: "the piece to be sent" });
  }
  await waitFor(() => relay.accepted.length === 2, { what: "the split mail" });
  assert.equal(relay.accepted[1]?.raw.toString(), "x\r\n");
});

test("a hanging server keeps the connection open until stop ends it", async () => {
  const script: Script = { onCommand: ({ verb }) => (verb === "MAIL" ? { hang: true } : undefined) };
  const relay = await startScriptedRelay(script);
  const sending = createTransport(relay.url).sendMail({ envelope, raw });
  await waitFor(() => relay.connections[0]?.commands.some((line) => line.startsWith("MAIL")), { what: "MAIL" });
  assert.equal(relay.connections[0]?.closedAt, undefined);
  await relay.stop();
  await assert.rejects(sending);
  assert.equal(relay.connectionsMax(), 1);
});
