// Proves what the doctor says of relays: real servers, each with one thing wrong. No mail is begun at any of them.
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import type { Finding } from "../../../src/cli/doctor/finding.ts";
import { checkRelay } from "../../../src/cli/doctor/relayCheck.ts";
import type { RelayConfig } from "../../../src/domain/relay.ts";
import { selfSignedCertificate } from "../../support/certificate.ts";
import { freePort } from "../../support/freePort.ts";
import { type ScriptedRelay, startScriptedRelay } from "../../support/scriptedRelay.ts";
import { startTokenEndpoint } from "../../support/tokenEndpoint.ts";

const megabyte = 1024 ** 2;

async function examine(
  relay: { port: number; certificate?: ScriptedRelay["certificate"] },
  more: Partial<RelayConfig> = {},
  connectMs = 4_000,
): Promise<Finding[]> {
  const config: RelayConfig = {
    ...{ name: "out", host: "localhost", port: relay.port, tls: "required", verifyCertificate: true, connections: 1 },
    ...(relay.certificate && { tlsOptions: { trustedCertificates: relay.certificate.cert } }),
    ...more,
  };
  const timeouts = { connect: connectMs, command: 10_000, afterDot: 1_000, attempt: 30_000, ownerLease: 60_000 };
  return checkRelay({ config, timeouts, messageBytesMax: 25 * megabyte, tokenShelf: undefined });
}

async function relayWith(t: TestContext, options: Parameters<typeof startScriptedRelay>[0] = {}): Promise<ScriptedRelay> {
  const relay = await startScriptedRelay(options);
  t.after(relay.stop);
  return relay;
}

const bad = (findings: readonly Finding[]) => findings.filter(({ verdict }) => verdict !== "ok");

/** The only thing that is not well, in one line. */
function complaint(findings: readonly Finding[]): string {
  assert.equal(bad(findings).length, 1, JSON.stringify(findings));
  const [finding] = bad(findings);
  return `${finding?.verdict}: ${finding?.text} → ${finding?.remedy}`;
}

const auth = { user: "app", pass: "s3cret-password" };

test("a relay that is well is logged in to and left by QUIT, and no mail is begun", async (t) => {
  const relay = await relayWith(t, { starttls: true, auth });
  const findings = await examine(relay, { auth });
  assert.deepEqual(bad(findings), []);
  assert.match(findings[0]?.text ?? "", /^localhost:\d+ \(127\.0\.0\.1\) answers in \d+ ms, TLSv1\.3, \w+, and takes the login$/);
  assert.equal(findings[1]?.text, "EHLO: messages up to 50mb");
  const [connection, ...others] = relay.connections;
  assert.deepEqual(
    [connection?.commands.map((line) => line.split(" ", 1)[0]), others.length],
    [["EHLO", "STARTTLS", "EHLO", "AUTH", "QUIT"], 0],
  );
  assert.deepEqual(relay.accepted, []);
});

test("a refused login is a fault in the relay's words, without the password", async (t) => {
  const relay = await relayWith(t, { starttls: true, auth });
  const findings = await examine(relay, { auth: { user: "app", pass: "wr0ng-password" } });
  assert.match(
    complaint(findings),
    /^fault: localhost:\d+ refused the login. It said: 535 5\.7\.8 authentication credentials invalid → check the relay's user and password$/,
  );
  assert.doesNotMatch(JSON.stringify(findings), /wr0ng-password/);
});

test("a login that the relay does not offer, or that would go in clear, is a fault", async (t) => {
  const secured = await relayWith(t, { starttls: true });
  assert.match(complaint(await examine(secured, { auth })), /^fault: No login at .*it offers no AUTH/);
  const clear = await relayWith(t, { auth });
  const findings = await examine(clear, { auth, tls: "none" });
  assert.match(complaint(findings), /^fault: No login at .*not encrypted/);
  assert.ok(clear.connections.every(({ commands }) => !commands.some((line) => line.startsWith("AUTH"))));
});

test("TLS from the first byte on a port that begins in clear, and the other way round, are told apart", async (t) => {
  const clear = await relayWith(t, { starttls: true });
  assert.match(
    complaint(await examine(clear, { tls: "implicit" })),
    /speaks SMTP in clear at first, and tls is implicit → set tls required/,
  );
  const secured = await relayWith(t, { implicitTls: true });
  for (const tls of ["required", "opportunistic", "none"] as const) {
    assert.match(
      complaint(await examine(secured, { tls }, 500)),
      new RegExp(`speaks TLS from the first byte, and tls is ${tls} → set tls implicit`),
    );
  }
  assert.deepEqual(bad(await examine(secured, { tls: "implicit" })), []);
});

test("no STARTTLS where it is required is a fault, and where mail then goes in clear a warning", async (t) => {
  const relay = await relayWith(t);
  assert.match(complaint(await examine(relay, { tls: "required" })), /^fault: localhost:\d+ refused STARTTLS, and tls `required`/);
  // To this machine itself nobody listens.
  assert.deepEqual(bad(await examine(relay, { tls: "opportunistic" })), []);
});

test("certificates: expired, of another name, of an unknown authority, each with its own way out", async (t) => {
  const cases = [
    {
      certificate: await selfSignedCertificate({ expired: true }),
      trusted: true,
      expected: /^fault: its certificate expired on \d{4}-\d\d-\d\d → whoever runs the relay/,
    },
    {
      certificate: await selfSignedCertificate({ name: "mx.other.example" }),
      trusted: true,
      expected: /^fault: its certificate is for mx\.other\.example, and not for localhost → take a host/,
    },
    {
      certificate: await selfSignedCertificate(),
      trusted: false,
      expected: /^fault: its certificate is signed by itself.* → let Postern trust it \(ca_file\)/,
    },
  ];
  for (const { certificate, trusted, expected } of cases) {
    t.after(certificate.remove);
    for (const implicitTls of [true, false]) {
      const relay = await relayWith(t, { certificate, ...(implicitTls ? { implicitTls } : { starttls: true }) });
      const tls = implicitTls ? "implicit" : "required";
      const findings = await examine({ port: relay.port, ...(trusted && { certificate }) }, { tls, auth });
      assert.match(complaint(findings), expected);
      assert.ok(
        relay.connections.every(({ commands }) => !commands.some((line) => line.startsWith("AUTH"))),
        "no login before a certificate that is not trusted",
      );
    }
  }
});

test("a certificate that is not checked is looked at all the same", async (t) => {
  const certificate = await selfSignedCertificate();
  t.after(certificate.remove);
  const relay = await relayWith(t, { starttls: true, certificate });
  const findings = await examine({ port: relay.port }, { tls: "opportunistic" });
  assert.match(complaint(findings), /^warning: its certificate is signed by itself.*it is not checked.*then set tls required$/);
  assert.match(complaint(await examine({ port: relay.port }, { verifyCertificate: false })), /then set verify true$/);
});

test("a certificate that soon expires is a warning", async (t) => {
  const certificate = await selfSignedCertificate({ days: 5 });
  t.after(certificate.remove);
  const relay = await relayWith(t, { starttls: true, certificate });
  const [finding] = bad(await examine(relay));
  assert.match(`${finding?.verdict}: ${finding?.text}`, /^warning: its certificate expires on/);
});

test("a relay that takes less than Postern accepts is a warning with the setting to change", async (t) => {
  const relay = await relayWith(t, { extensions: ["SIZE 10485760", "8BITMIME"] });
  const findings = await examine(relay, { tls: "none" });
  assert.match(complaint(findings), /^warning: it takes messages of 10mb at most, and Postern accepts 25mb → set MAX_MESSAGE_SIZE=10mb/);
  assert.equal(findings.at(-1)?.text, "EHLO: messages up to 10mb; without SMTPUTF8");
});

test("a greeting that refuses, and one that is none, are told in the server's words", async (t) => {
  const refusing = await relayWith(t, { onConnect: () => "554 5.7.1 your address is on a list" });
  assert.match(
    complaint(await examine(refusing)),
    /^fault: localhost:\d+ refused us at its greeting.* It said: 554 5\.7\.1 your address is on a list/,
  );
  const web = createServer((socket: Socket) => {
    socket.on("error", () => undefined);
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  t.after(() => web.close());
  const { port } = web.address() as { port: number };
  assert.match(complaint(await examine({ port })), /something else than SMTP|HTTP\/1\.1 400/);
});

test("a host that cannot be resolved and a port that nobody listens on are faults", async () => {
  assert.match(
    complaint(await examine({ port: 587 }, { host: "relay.invalid" })),
    /^fault: The host name relay\.invalid cannot be resolved.* → check the relay's host, and this machine's DNS/,
  );
  assert.match(complaint(await examine({ port: await freePort() })), /^fault: localhost:\d+ takes no connection.* → correct the relay's/);
});

test("a relay that says nothing at all is given up after seconds", async (t) => {
  const silent = createServer((socket: Socket) => {
    socket.on("error", () => undefined);
    t.after(() => socket.destroy());
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => silent.close());
  const { port } = silent.address() as { port: number };
  assert.match(complaint(await examine({ port }, {}, 300)), /^fault: localhost:\d+ sent no greeting within/);
});

test("without Redis no token is asked for that would replace the workers' own", async (t) => {
  const relay = await relayWith(t, { starttls: true, extensions: ["AUTH XOAUTH2"] });
  const endpoint = await startTokenEndpoint(() => "none");
  t.after(endpoint.stop);
  const findings = await examine(relay, {
    auth: { user: "app", method: "xoauth2", token: { url: endpoint.url, kind: "refresh_token", clientId: "c", refreshToken: "r" } },
  });
  assert.match(complaint(findings), /^skipped: the login was not tried/);
  assert.equal(endpoint.requests.length, 0);
});
