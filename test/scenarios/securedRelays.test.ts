// The whole way over relays that want more than a host: signed mail through a Postfix that asks for TLS, a client certificate and a login,
// and through a proxy with a login of its own. Two implementations of DKIM judge what arrived; no secret is in any history.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { atEndOf } from "../support/atEnd.ts";
import { selfSignedCertificate } from "../support/certificate.ts";
import { startConnectProxy } from "../support/connectProxy.ts";
import { dkimRecord, hasPythonDkim, verifyByMailauth, verifyByPython } from "../support/dkimVerifier.ts";
import { startGateway } from "../support/gateway.ts";
import { headerOf } from "../support/mailHeader.ts";
import { allSettled, sendEach, testMessage } from "../support/mailing.ts";
import { asRoot, startPostfix } from "../support/postfix.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { startSink } from "../support/sink.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { startTokenEndpoint } from "../support/tokenEndpoint.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();
const pkcs8 = { type: "pkcs8", format: "pem" } as const;
const rsaKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export(pkcs8).toString();
const edKey = generateKeyPairSync("ed25519").privateKey.export(pkcs8).toString();
const dns = { "r._domainkey.example.com": dkimRecord(rsaKey), "e._domainkey.example.com": dkimRecord(edKey) };

async function assertSigned(raw: Buffer): Promise<void> {
  assert.deepEqual(
    (await verifyByMailauth(raw, dns)).map(({ selector, result }) => [selector, result]),
    [
      ["r", "pass"],
      ["e", "pass"],
    ],
    raw.toString("latin1"),
  );
  if (hasPythonDkim() || process.env.CI) assert.deepEqual(await verifyByPython(raw, dns), [true, true]);
}

test("signed mail goes through a Postfix that wants TLS, our certificate and a login, and verifies behind it", asRoot, async (t) => {
  const atEnd = atEndOf(t);
  const [sink, ours, folder] = await Promise.all([startSink(), selfSignedCertificate(), temporaryFolder({ name: "relays" })]);
  atEnd(sink.stop);
  atEnd(ours.remove);
  atEnd(folder.remove);
  const auth = { user: "app", pass: "p@ss word/1" };
  const postfix = await startPostfix({
    ...{ deliverTo: sink, starttls: true, auth },
    settings: { smtpd_tls_security_level: "encrypt", smtpd_tls_req_ccert: "yes", smtpd_tls_CAfile: ours.certificateFile },
  });
  atEnd(postfix.stop);
  const inFolder = (name: string) => join(folder.path, name);
  const secrets = { "rsa.pem": rsaKey, "ed.pem": edKey, "key.pem": ours.key, pass: `${auth.pass}\n` };
  await Promise.all(Object.entries(secrets).map(([name, text]) => writeFile(inFolder(name), text, { mode: 0o600 })));
  const relayKeys = (more: string) =>
    `host: localhost, port: ${postfix.port}, user: ${auth.user}, pass_file: ${inFolder("pass")}, ca_file: ${postfix.certificate?.certificateFile}, min_tls_version: 1.3${more}`;
  const gateway = await startGateway({
    env: { REDIS_URL: redis.freshUrl() },
    config: `
relays:
  good: { ${relayKeys(`, cert_file: ${ours.certificateFile}, key_file: ${inFolder("key.pem")}, recipients_per_transaction: 2`)} }
  stranger: { ${relayKeys("")} }
routes: [{ to_domain: stranger.test, relays: [stranger] }, { relays: [good] }]
dkim:
  - { domain: example.com, selector: r, key_file: ${inFolder("rsa.pem")} }
  - { domain: example.com, selector: e, key_file: ${inFolder("ed.pem")} }
`,
  });
  atEnd(() => gateway.stop());

  const recipients = ["a@one.test", "b@two.test", "c@three.test", "d@four.test", "e@five.test"];
  const [plain, large, stranger] = await sendEach(gateway, [
    testMessage("plain", recipients, {
      subject: "Grüße  aus \t Köln",
      headers: { "X-Test-Id": "plain", "List-Unsubscribe": "<https://example.com/u>" },
    }),
    testMessage("large", "a@one.test", { text: `${"Zeile mit ü und Leerraum  \t \n".repeat(60_000)}\n\n\n` }),
    testMessage("stranger", "a@stranger.test"),
  ]);
  assert.ok(plain && large && stranger);
  await allSettled(gateway, [plain.id, large.id]);
  await waitFor(async () => (await sink.received()).length === 4, { what: "Postfix to pass everything on", timeoutMs: 20_000 });
  const mails = await sink.received();
  assert.deepEqual(mails.flatMap(({ to, raw }) => (headerOf(raw, "x-test-id") === "plain" ? to : [])).toSorted(), recipients);
  for (const { raw } of mails) await assertSigned(raw);
  assert.match(await postfix.log(), /Trusted TLS connection established from .*TLSv1\.3/);

  // Without our certificate nothing goes, and the recipient says why.
  const told = await waitFor(
    async () => {
      const { body } = await gateway.get<{ recipients: { status: string; advice: string | null }[] }>(`/v1/messages/${stranger.id}`);
      return body.recipients[0]?.advice ? body.recipients[0] : undefined;
    },
    { what: "the refused session to be told", timeoutMs: 20_000 },
  );
  assert.equal(told.status, "deferred");

  const histories = await Promise.all([plain, stranger].map(({ id }) => gateway.get(`/v1/messages/${id}/attempts`)));
  const text = JSON.stringify(histories.map(({ body }) => body)) + gateway.logs().join("\n");
  assert.match(text, /AUTH PLAIN \[credentials\]/);
  for (const secret of [
    auth.pass,
    Buffer.from(auth.pass).toString("base64"),
    Buffer.from(`\0${auth.user}\0${auth.pass}`).toString("base64"),
  ]) {
    assert.ok(!text.includes(secret), secret);
  }
});

test("mail goes through a proxy with a login, with a token that the workers share, and no secret is in its history", async (t) => {
  const atEnd = atEndOf(t);
  const proxyLogin = { user: "proxy-User", pass: "proxy-Secret" };
  const certificate = await selfSignedCertificate();
  atEnd(certificate.remove);
  const relay = await startScriptedRelay({
    implicitTls: true,
    extensions: ["AUTH XOAUTH2"],
    onCommand: ({ verb, line }) => {
      if (verb !== "AUTH") return undefined;
      const [, , given = ""] = line.split(" ");
      const isGood = Buffer.from(given, "base64").toString() === "user=robot@example.com\u0001auth=Bearer access-1\u0001\u0001";
      return isGood ? "235 2.7.0 welcome access-1" : "535 5.7.8 no";
    },
  });
  atEnd(relay.stop);
  const endpoint = await startTokenEndpoint((_, number) => ({
    body: { access_token: `access-${number}`, expires_in: 3_600 },
    delayMs: 200,
  }));
  atEnd(endpoint.stop);
  const proxy = await startConnectProxy({ auth: proxyLogin });
  atEnd(proxy.stop);
  const config = `
relays:
  far:
    host: localhost
    port: ${relay.port}
    tls: implicit
    ca: |
${(relay.certificate?.cert ?? "").replace(/^/gm, "      ")}
    proxy: "http://${proxyLogin.user}:${proxyLogin.pass}@127.0.0.1:${proxy.port}"
    user: robot@example.com
    auth: { method: xoauth2, token_url: "${endpoint.url}", client_id: client-Id-1, client_secret: client-Secret, refresh_token: refresh-Token }
`;
  const env = { REDIS_URL: redis.freshUrl() };
  const gateway = await startGateway({ env, config });
  atEnd(() => gateway.stop());
  const messages = Array.from({ length: 20 }, (_, index) => testMessage(`m${index}`, `r${index}@example.net`));
  const accepted = await sendEach(gateway, messages);
  await allSettled(
    gateway,
    accepted.map(({ id }) => id),
  );
  assert.equal(relay.accepted.length, 20);
  // Another worker logs in with the token that the first one got.
  await gateway.stop();
  const second = await startGateway({ env, config });
  atEnd(() => second.stop());
  const [later] = await sendEach(second, [testMessage("later", "later@example.net")]);
  assert.ok(later);
  await allSettled(second, [later.id]);
  assert.equal(endpoint.requests.length, 1);
  assert.ok(proxy.asked.length >= 3 && proxy.asked.every((line) => [relay.port, endpoint.port].some((port) => line.endsWith(`:${port}`))));

  const { body } = await second.get(`/v1/messages/${later.id}/attempts`);
  const text = JSON.stringify(body) + gateway.logs().join("\n") + second.logs().join("\n");
  assert.match(text, /AUTH XOAUTH2 \[credentials\]/);
  assert.match(text, /welcome \[credentials\]/);
  for (const secret of [...Object.values(proxyLogin), "access-1", "client-Secret", "client-Id-1", "refresh-Token"]) {
    for (const form of [secret, Buffer.from(secret).toString("base64").replace(/=+$/, "")]) assert.ok(!text.includes(form), form);
  }
});
