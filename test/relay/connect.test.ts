import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createConnection, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { promisify } from "node:util";
import type { SMTPServerOptions } from "smtp-server";
import { selfSignedCertificate } from "../support/certificate.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";
import { mail, openTestRelay, sendOnce, sessionOf, told } from "./openTestRelay.ts";
import { startRawRelay } from "./rawRelay.ts";
import { auth, startSmtpServer } from "./smtpServer.ts";

const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64");

/** What must never be seen of the credentials, on a clear wire or in what we keep. */
function assertNoCredentials(text: string, { user = true } = {}): void {
  for (const secret of [
    auth.pass,
    base64(auth.pass),
    base64(`\0${auth.user}\0${auth.pass}`),
    ...(user ? [auth.user, base64(auth.user)] : []),
  ]) {
    assert.ok(!text.includes(secret), `${secret} in ${text}`);
    // base64 of a piece in the middle of something longer, at any offset.
    assert.ok(!text.includes(base64(`x${secret}`).slice(2, -4)), `${secret} inside of base64 in ${text}`);
  }
}

async function certificateOf(name: string): Promise<{ key: string; cert: string }> {
  const args = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=${name} -addext subjectAltName=DNS:${name} -keyout - -out -`;
  const { stdout } = await promisify(execFile)("openssl", args.split(" "));
  return { key: stdout.slice(0, stdout.indexOf("-----BEGIN CERT")), cert: stdout.slice(stdout.indexOf("-----BEGIN CERT")) };
}

for (const method of ["PLAIN", "LOGIN"]) {
  test(`smtp-server: login by ${method} over verified STARTTLS; no credential is in transcript or facts`, async (t) => {
    const certificate = await selfSignedCertificate();
    t.after(certificate.remove);
    const server = await startSmtpServer({ key: certificate.key, cert: certificate.cert, authMethods: [method] });
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port, host: "localhost", tls: "required", auth, trustedCertificates: certificate.cert });
    const sent = await sendOnce(relay);
    assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
    assert.match(sent.connection.tls?.version ?? "", /^TLSv1\.[23]$/);
    assert.ok(sent.connection.tls?.cipher);
    assert.equal(sent.connection.remoteAddress, "127.0.0.1");
    const lines = sent.transcript.map(({ line }) => line);
    assert.ok(lines.includes(method === "PLAIN" ? "AUTH PLAIN [credentials]" : "AUTH LOGIN"), lines.join("\n"));
    assertNoCredentials(JSON.stringify(sent));
  });

  test(`smtp-server: a refused login by ${method} is a fault with the relay's reply, without the credentials that it repeats`, async (t) => {
    const certificate = await selfSignedCertificate();
    t.after(certificate.remove);
    const server = await startSmtpServer({ key: certificate.key, cert: certificate.cert, authMethods: [method], secure: true });
    t.after(server.stop);
    const config = { port: server.port, tls: "implicit", trustedCertificates: certificate.cert } as const;
    const acquired = await openTestRelay(t, { ...config, auth: { user: auth.user, pass: `${auth.pass}!` } }).acquire();
    assert.ok(!acquired.ok);
    assert.equal(acquired.fault.phase, "auth");
    assert.equal(acquired.fault.reply?.code, 535);
    assert.match(acquired.fault.text, /check the relay's user and password/);
    assertNoCredentials(JSON.stringify(acquired.fault));
  });
}

test("a connection's first transaction tells how it was set up, before its own start; the second one is reused and tells only itself", async (t) => {
  const server = await startScriptedRelay({ starttls: true, auth });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, tls: "required", auth, trustedCertificates: server.certificate?.cert as string });
  const first = await sendOnce(relay);
  const second = await sendOnce(relay);
  const commands = (lines: typeof first.transcript) => lines.filter(({ from }) => from === "client").map(({ line }) => line.split(" ")[0]);
  assert.deepEqual(commands(first.transcript), ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"]);
  assert.deepEqual(commands(second.transcript), ["MAIL", "RCPT", "DATA"]);
  assert.deepEqual([first.connection.reused, second.connection.reused], [false, true]);
  assert.equal(second.timings.connectMs, undefined);
  assert.equal(typeof first.timings.connectMs, "number");
  const times = first.transcript.map(({ atMs }) => atMs);
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
  );
  assert.ok((times[0] ?? 0) <= 0 && (times.at(-1) ?? -1) >= 0, times.join());
});

test("a relay that repeats our credentials when it greets the login does not bring them into the transcript", async (t) => {
  const welcome = `235 2.7.0 welcome ${auth.user}, your ${auth.pass} is right, so is ${base64(auth.pass)}`;
  const server = await startScriptedRelay({ implicitTls: true, auth, onCommand: ({ verb }) => (verb === "AUTH" ? welcome : undefined) });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, tls: "implicit", auth, verifyCertificate: false });
  const session = await sessionOf(relay);
  const sent = await session.send(mail);
  session.release();
  assert.ok(
    sent.transcript.some(({ line }) => line === "235 2.7.0 welcome [credentials], your [credentials] is right, so is [credentials]"),
  );
  assertNoCredentials(JSON.stringify(sent));
});

test("certificates to trust that cannot be read are a fault at once", (t) => {
  assert.throws(() => openTestRelay(t, { port: 25, trustedCertificates: "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n" }));
});

const encrypted = [
  ["required", { starttls: true }],
  ["implicit", { implicitTls: true }],
] as const;

for (const [tls, how] of encrypted) {
  test(`tls ${tls}: a certificate that nobody vouches for is a fault, and not a byte of mail or login leaves`, async (t) => {
    const server = await startScriptedRelay({ ...how, auth });
    t.after(server.stop);
    const acquired = await openTestRelay(t, { port: server.port, tls, auth }).acquire();
    assert.ok(!acquired.ok);
    assert.equal(acquired.fault.phase, tls === "required" ? "starttls" : "connect");
    assert.match(acquired.fault.text, /certificate .* is not trusted \(self-signed certificate/);
    const seen = server.connections.flatMap(({ commands }) => commands);
    assert.ok(!seen.some((line) => /^(AUTH|MAIL)/.test(line)), seen.join());
  });

  test(`tls ${tls}: a trusted certificate of another name is a fault, and no login leaves`, async (t) => {
    const certificate = await certificateOf("other.test");
    let attempts = 0;
    const onAuth: SMTPServerOptions["onAuth"] = (_login, _session, callback) => {
      attempts++;
      callback(null, { user: "x" });
    };
    const server = await startSmtpServer({ ...certificate, secure: tls === "implicit", onAuth });
    t.after(server.stop);
    const acquired = await openTestRelay(t, {
      port: server.port,
      tls,
      host: "localhost",
      auth,
      trustedCertificates: certificate.cert,
    }).acquire();
    assert.ok(!acquired.ok);
    assert.equal(acquired.fault.phase, tls === "required" ? "starttls" : "connect");
    assert.match(acquired.fault.text, /certificate of localhost:\d+ is not trusted .*other\.test/);
    assert.equal(attempts, 0);
  });

  test(`tls ${tls}: verifyCertificate false takes any certificate, and logs in`, async (t) => {
    const server = await startScriptedRelay({ ...how, auth });
    t.after(server.stop);
    const sent = await sendOnce(openTestRelay(t, { port: server.port, tls, auth, verifyCertificate: false }));
    assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
    assert.equal(server.connections[0]?.user, auth.user);
  });
}

test("tls required: where STARTTLS was stripped from EHLO, neither login nor mail leaves", async (t) => {
  const server = await startRawRelay({ EHLO: "250-raw.test\r\n250 AUTH PLAIN LOGIN", STARTTLS: "502 5.5.1 not implemented" });
  t.after(server.stop);
  const acquired = await openTestRelay(t, { port: server.port, tls: "required", auth }).acquire();
  assert.ok(!acquired.ok);
  assert.equal(acquired.fault.phase, "starttls");
  assert.equal(acquired.fault.reply?.code, 502);
  await waitFor(() => server.open() === 0, { what: "the connection to close" });
  assert.deepEqual(server.clients[0]?.lines, ["EHLO postern.test", "STARTTLS"]);
});

test("tls required: a relay that knows only HELO gets no mail", async (t) => {
  const server = await startRawRelay({ EHLO: "502 5.5.1 unknown" });
  t.after(server.stop);
  const acquired = await openTestRelay(t, { port: server.port, tls: "required" }).acquire();
  assert.ok(!acquired.ok);
  assert.equal(acquired.fault.phase, "ehlo");
  assert.deepEqual(server.clients[0]?.lines, ["EHLO postern.test"]);
});

test("tls required: what an attacker slips in behind the answer to STARTTLS is not taken for the relay's word", async (t) => {
  const server = await startRawRelay({ EHLO: "250-raw.test\r\n250 STARTTLS", STARTTLS: "220 go\r\n250-fake\r\n250 AUTH PLAIN" });
  t.after(server.stop);
  const acquired = await openTestRelay(t, { port: server.port, tls: "required", auth, timeouts: { connect: 500 } }).acquire();
  assert.ok(!acquired.ok);
  assert.equal(acquired.fault.phase, "starttls");
  assertNoCredentials(server.clients[0]?.lines.join("\n") ?? "");
});

for (const [tls, ehlo] of [
  ["none", "250-raw.test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"],
  ["opportunistic", "250-raw.test\r\n250 AUTH PLAIN LOGIN"],
  ["opportunistic", "250-raw.test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"],
] as const) {
  test(`tls ${tls}, ${ehlo.includes("STARTTLS") ? "STARTTLS offered but not to be had" : "no STARTTLS"}: no credential leaves in clear`, async (t) => {
    const server = await startRawRelay({ EHLO: ehlo, STARTTLS: "454 4.7.0 not now", AUTH: "235 2.7.0 thank you" });
    t.after(server.stop);
    const acquired = await openTestRelay(t, { port: server.port, tls, auth }).acquire();
    assert.ok(!acquired.ok);
    assert.equal(acquired.fault.phase, "auth");
    assert.match(acquired.fault.text, /not encrypted.*sends no password in clear.*`required` or `implicit`/);
    await waitFor(() => server.open() === 0, { what: "the connection to close" });
    const lines = server.clients[0]?.lines ?? [];
    assert.ok(!lines.some((line) => line.startsWith("AUTH")), lines.join());
    assertNoCredentials(lines.join("\n"));
  });
}

test("tls opportunistic, no login: STARTTLS is used where it is offered, whatever the certificate, else the session stays in clear", async (t) => {
  for (const starttls of [true, false]) {
    const server = await startScriptedRelay({ starttls });
    t.after(server.stop);
    const sent = await sendOnce(openTestRelay(t, { port: server.port, tls: "opportunistic" }));
    assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
    assert.equal(sent.connection.tls !== undefined, starttls);
    assert.equal(server.connections[0]?.secure, starttls);
  }
});

test("tls opportunistic, with a login: an unverified certificate gets no credential, checked or not", async (t) => {
  for (const verifyCertificate of [true, false]) {
    const server = await startScriptedRelay({ starttls: true, auth });
    t.after(server.stop);
    const acquired = await openTestRelay(t, { port: server.port, tls: "opportunistic", auth, verifyCertificate }).acquire();
    assert.ok(!acquired.ok);
    assert.equal(acquired.fault.phase, verifyCertificate ? "starttls" : "auth");
    assert.ok(!server.connections[0]?.commands.some((line) => line.startsWith("AUTH")));
  }
});

test("tls opportunistic, with a login: a verified certificate gets it", async (t) => {
  const server = await startScriptedRelay({ starttls: true, auth });
  t.after(server.stop);
  const relay = openTestRelay(t, {
    port: server.port,
    tls: "opportunistic",
    auth,
    trustedCertificates: server.certificate?.cert as string,
  });
  assert.deepEqual((await sendOnce(relay)).outcomes.map(told), ["accepted 250"]);
});

test("tls none: STARTTLS is not used even where it is offered", async (t) => {
  const server = await startScriptedRelay({ starttls: true });
  t.after(server.stop);
  assert.equal((await sendOnce(openTestRelay(t, { port: server.port, tls: "none" }))).connection.tls, undefined);
});

test("a login for a relay that offers none is a fault that says so", async (t) => {
  const server = await startScriptedRelay({ implicitTls: true });
  t.after(server.stop);
  const acquired = await openTestRelay(t, { port: server.port, tls: "implicit", auth, verifyCertificate: false }).acquire();
  assert.ok(!acquired.ok);
  assert.equal(acquired.fault.phase, "auth");
  assert.match(acquired.fault.text, /offers no AUTH/);
});

test("a greeting of 554 is a fault with the relay's reply", async (t) => {
  const server = await startRawRelay({ connect: "554-5.7.1 your network\r\n554 5.7.1 is not welcome" });
  t.after(server.stop);
  const acquired = await openTestRelay(t, { port: server.port }).acquire();
  assert.ok(!acquired.ok);
  assert.deepEqual(acquired.fault, {
    phase: "greeting",
    text: `127.0.0.1:${server.port} refused us at its greeting.`,
    reply: { code: 554, enhanced: "5.7.1", text: "your network is not welcome" },
  });
});

test("a relay that asks on and on during the login is hung up on", async (t) => {
  const server = await startScriptedRelay({ implicitTls: true, auth, onCommand: ({ verb }) => (verb === "EHLO" ? undefined : "334 and?") });
  t.after(server.stop);
  const acquired = await openTestRelay(t, { port: server.port, tls: "implicit", auth, verifyCertificate: false }).acquire();
  assert.ok(!acquired.ok);
  assert.match(acquired.fault.text, /keeps answering the login with more questions/);
  await waitFor(() => server.connections[0]?.closedAt, { what: "the connection to close" });
});

test("a relay that speaks TLS where none is expected, or none where it is, is a fault in time that hints at the setting", async (t) => {
  const withTls = await startScriptedRelay({ implicitTls: true });
  t.after(withTls.stop);
  const silent = await openTestRelay(t, { port: withTls.port, tls: "required", timeouts: { connect: 300 } }).acquire();
  assert.ok(!silent.ok && silent.fault.phase === "greeting");
  assert.match(silent.fault.text, /tls `implicit`/);
  const plain = await startScriptedRelay();
  t.after(plain.stop);
  const refused = await openTestRelay(t, { port: plain.port, tls: "implicit" }).acquire();
  assert.ok(!refused.ok && refused.fault.phase === "connect");
  assert.match(refused.fault.text, /TLS with 127\.0\.0\.1:\d+ failed .*STARTTLS/);
});

test("a relay that stalls or resets within the TLS handshake is a fault in time", async (t) => {
  for (const how of ["stall", "cut"]) {
    const server = await startRawRelay({
      EHLO: "250-raw.test\r\n250 STARTTLS",
      STARTTLS: (client) => {
        client.write("220 go\r\n");
        if (how === "cut") client.socket.once("data", () => client.cut());
        return new Promise(() => {});
      },
    });
    t.after(server.stop);
    const acquired = await openTestRelay(t, { port: server.port, tls: "required", timeouts: { connect: 400 } }).acquire();
    assert.ok(!acquired.ok);
    assert.equal(acquired.fault.phase, "starttls");
  }
});

test("a reset under TLS, idle or after the final dot, is an end like any other", async (t) => {
  const server = await startScriptedRelay({
    starttls: true,
    onData: ({ connection }) => (connection.number === 2 ? { hang: true } : undefined),
  });
  t.after(server.stop);
  const through: Socket[] = [];
  const proxy = createServer((client) => {
    const upstream = createConnection(server.port, "127.0.0.1");
    client.on("error", () => {}).pipe(upstream);
    upstream.on("error", () => {}).pipe(client);
    client.once("close", () => upstream.destroy());
    through.push(client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  t.after(() => proxy.close());
  const { port } = proxy.address() as { port: number };
  const relay = openTestRelay(t, { port, tls: "required", verifyCertificate: false });
  await sendOnce(relay);
  through[0]?.resetAndDestroy();
  await waitFor(() => relay.stats().open === 0, { what: "the idle session to be dropped" });
  const sending = sendOnce(relay, { beforeFinalDot: () => setTimeout(() => through[1]?.resetAndDestroy(), 100).hasRef() });
  assert.deepEqual((await sending).outcomes.map(told), ["in_doubt after_dot"]);
});

test("TLS 1.1 is not spoken", async (t) => {
  const certificate = await selfSignedCertificate();
  t.after(certificate.remove);
  const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  const server = await startSmtpServer({ key: certificate.key, cert: certificate.cert, secure: true, ...old });
  t.after(server.stop);
  const acquired = await openTestRelay(t, { port: server.port, tls: "implicit", verifyCertificate: false }).acquire();
  assert.ok(!acquired.ok);
  assert.match(acquired.fault.text, /TLS with/);
});

test("a session's facts are known before anything is sent", async (t) => {
  const server = await startScriptedRelay({ implicitTls: true });
  t.after(server.stop);
  const session = await sessionOf(openTestRelay(t, { port: server.port, tls: "implicit", verifyCertificate: false }));
  assert.equal(session.facts.reused, false);
  assert.equal(session.facts.remoteAddress, "127.0.0.1");
  assert.match(session.facts.tls?.version ?? "", /^TLS/);
  session.release();
});
