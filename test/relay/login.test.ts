// Logging in: each method by a server that is not ours, what may not be said, and XOAUTH2 with tokens that run out.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { SMTPServerOptions } from "smtp-server";
import type { TokenGrant, TranscriptLine } from "../../src/domain/relay.ts";
import { selfSignedCertificate } from "../support/certificate.ts";
import { startTokenEndpoint, type TokenReply } from "../support/tokenEndpoint.ts";
import { openTestRelay, sendOnce, sessionOf, told } from "./openTestRelay.ts";
import { startRawRelay } from "./rawRelay.ts";
import { auth, startSmtpServer } from "./smtpServer.ts";

const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64");

async function secureServer(t: TestContext, options: SMTPServerOptions) {
  const certificate = await selfSignedCertificate();
  t.after(certificate.remove);
  const server = await startSmtpServer({ key: certificate.key, cert: certificate.cert, secure: true, ...options });
  t.after(server.stop);
  return { port: server.port, tls: "implicit", trustedCertificates: certificate.cert } as const;
}

/** Every spelling in which one of them could stand in a text. */
function assertNone(secrets: readonly string[], text: string): void {
  for (const secret of secrets) {
    for (const form of [secret, base64(secret), base64(`x${secret}`).slice(2, -4), base64(`xx${secret}`).slice(4, -4)]) {
      assert.ok(!text.includes(form), `${secret} as ${form} in ${text}`);
    }
  }
}

for (const method of ["plain", "login", "cram-md5"] as const) {
  const onlyThis = { authMethods: [method.toUpperCase()] };

  test(`${method}: taken by name, and by itself where the relay offers nothing else; the transcript hides it`, async (t) => {
    const server = await secureServer(t, onlyThis);
    for (const login of [{ ...auth, method }, auth]) {
      const sent = await sendOnce(openTestRelay(t, { ...server, auth: login }));
      assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
      const lines = sent.transcript.map(({ line }) => line);
      assert.ok(
        lines.some((line) => line.startsWith(`AUTH ${method.toUpperCase()}`)),
        lines.join("\n"),
      );
      assertNone([auth.user, auth.pass], JSON.stringify(sent));
    }
  });

  test(`${method}: a refusal is the relay's fault and names the way out; what it repeats is hidden`, async (t) => {
    const server = await secureServer(t, onlyThis);
    const pass = "wrong-Pässword";
    const acquired = await openTestRelay(t, { ...server, auth: { user: auth.user, pass, method } }).acquire();
    assert.ok(!acquired.ok);
    assert.deepEqual([acquired.fault.phase, acquired.fault.reply?.code], ["auth", 535]);
    assert.match(acquired.fault.text, /check the relay's user and password/);
    assertNone([auth.user, pass], JSON.stringify(acquired.fault));
  });

  test(`${method}: a relay that does not offer it is told apart, and no credential leaves`, async (t) => {
    const commands: string[] = [];
    const others = ["PLAIN", "LOGIN", "CRAM-MD5"].filter((other) => other !== method.toUpperCase());
    const onAuth: SMTPServerOptions["onAuth"] = (login, _session, callback) => {
      commands.push(login.method);
      callback(null, { user: "x" });
    };
    const server = await secureServer(t, { authMethods: others, onAuth });
    const acquired = await openTestRelay(t, { ...server, auth: { ...auth, method } }).acquire();
    assert.ok(!acquired.ok);
    assert.equal(acquired.fault.phase, "auth");
    assert.match(acquired.fault.text, new RegExp(`does not offer ${method.toUpperCase()} but ${others.join(", ")}: set the relay's auth`));
    assert.deepEqual(commands, []);
  });
}

test("of several methods PLAIN comes first", async (t) => {
  const server = await secureServer(t, { authMethods: ["CRAM-MD5", "LOGIN", "PLAIN", "XOAUTH2"] });
  const sent = await sendOnce(openTestRelay(t, { ...server, auth }));
  assert.ok(sent.transcript.some(({ line }) => line === "AUTH PLAIN [credentials]"));
});

test("a password for a relay that offers XOAUTH2 alone is a fault that says what to set", async (t) => {
  const server = await secureServer(t, { authMethods: ["XOAUTH2"] });
  const acquired = await openTestRelay(t, { ...server, auth }).acquire();
  assert.ok(!acquired.ok);
  assert.equal(acquired.fault.phase, "auth");
  assert.match(acquired.fault.text, /takes no password .* but offers XOAUTH2: set auth with method xoauth2/);
});

test("a relay that repeats the answer to its challenge does not bring it into transcript or fault", async (t) => {
  const certificate = await selfSignedCertificate();
  t.after(certificate.remove);
  let answer = "";
  const server = await startSmtpServer({
    ...{ key: certificate.key, cert: certificate.cert, secure: true, authMethods: ["CRAM-MD5"] },
    onAuth: (login, _session, callback) => {
      answer = (login as { challengeResponse?: string }).challengeResponse ?? "";
      callback(new Error(`no: ${answer} ${base64(`${login.username} ${answer}`)}`));
    },
  });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, tls: "implicit", trustedCertificates: certificate.cert, auth });
  const acquired = await relay.acquire();
  assert.ok(!acquired.ok);
  assert.ok(answer.length > 20, answer);
  assert.ok(!JSON.stringify(acquired.fault).includes(base64(`${auth.user} ${answer}`)), JSON.stringify(acquired.fault));
});

const mailbox = "robot@office.test";
const grant = { kind: "refresh_token", clientId: "client-0123", clientSecret: "client-Secret", refreshToken: "refresh-Token-1" } as const;

/** A relay that takes XOAUTH2 with the tokens that are good, and a token endpoint. */
async function withTokens(
  t: TestContext,
  {
    isGood,
    answer,
    given = grant,
  }: {
    isGood: (token: string) => boolean;
    answer: (form: URLSearchParams, number: number) => TokenReply | "none";
    given?: Omit<TokenGrant, "url">;
  },
) {
  const used: string[] = [];
  const endpoint = await startTokenEndpoint(answer);
  t.after(endpoint.stop);
  const server = await secureServer(t, {
    authMethods: ["XOAUTH2"],
    onAuth: ({ username = "", accessToken = "" }, _session, callback) => {
      used.push(accessToken);
      if (username === mailbox && isGood(accessToken)) return callback(null, { user: username });
      callback(null, { data: { status: "401", schemes: "bearer", scope: `no ${accessToken}` } } as never);
    },
  });
  const token = { ...given, url: endpoint.url } as TokenGrant;
  const config = { ...server, auth: { user: mailbox, method: "xoauth2", token } } as const;
  return { endpoint, used, config };
}

const issued = (form: URLSearchParams, number: number): TokenReply => ({
  body: { access_token: `access-${number}`, expires_in: 3_600, token_type: "Bearer", asked: form.get("grant_type") },
});

test("xoauth2: the refresh token is exchanged once for all connections that open at the same time", async (t) => {
  const { endpoint, used, config } = await withTokens(t, {
    isGood: (token) => token === "access-1",
    answer: (form, number) => ({ ...issued(form, number), delayMs: 100 }),
  });
  const relay = openTestRelay(t, { ...config, connections: 5 });
  const sessions = await Promise.all(Array.from({ length: 5 }, () => sessionOf(relay)));
  for (const session of sessions) session.release();
  assert.deepEqual(
    used,
    Array.from({ length: 5 }, () => "access-1"),
  );
  assert.equal(endpoint.requests.length, 1);
  assert.deepEqual(Object.fromEntries(endpoint.requests[0] ?? []), {
    grant_type: "refresh_token",
    client_id: grant.clientId,
    client_secret: grant.clientSecret,
    refresh_token: grant.refreshToken,
  });
});

test("xoauth2: the transcript shows the dialogue and nothing of the token", async (t) => {
  const { config } = await withTokens(t, { isGood: () => true, answer: issued });
  const sent = await sendOnce(openTestRelay(t, config));
  assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
  assert.ok(sent.transcript.some(({ line }: TranscriptLine) => line === "AUTH XOAUTH2 [credentials]"));
  assertNone([mailbox, "access-1", ...Object.values(grant).slice(1)], JSON.stringify(sent));
});

test("xoauth2: a token that was revoked before its time is replaced on the same connection, once", async (t) => {
  const { endpoint, used, config } = await withTokens(t, { isGood: (token) => token !== "access-1", answer: issued });
  const relay = openTestRelay(t, { ...config, connections: 2 });
  // The first one is fresh, so that it is refused for good; the next session finds it kept, and gets another one.
  const first = await relay.acquire();
  assert.ok(!first.ok);
  assert.equal(first.fault.phase, "auth");
  const sent = await sendOnce(relay);
  assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
  assert.deepEqual(used, ["access-1", "access-1", "access-2"]);
  assert.equal(endpoint.requests.length, 2);
  assertNone(["access-1", "access-2", mailbox], JSON.stringify([first.fault, sent]));
});

test("xoauth2: a relay that refuses every token is a fault, after one fresh token and not more", async (t) => {
  const { endpoint, config } = await withTokens(t, { isGood: () => false, answer: issued });
  const acquired = await openTestRelay(t, config).acquire();
  assert.ok(!acquired.ok);
  assert.deepEqual([acquired.fault.phase, acquired.fault.reply?.code], ["auth", 535]);
  assert.match(acquired.fault.text, /whether the token's app may send as it/);
  assert.equal(endpoint.requests.length, 1);
  assertNone(["access-1", mailbox], JSON.stringify(acquired.fault));
});

test("xoauth2: a token that is about to run out is replaced before it is used", async (t) => {
  const { used, config } = await withTokens(t, {
    isGood: () => true,
    answer: (_, number) => ({ body: { access_token: `access-${number}`, expires_in: number === 1 ? 30 : "3600" } }),
  });
  const relay = openTestRelay(t, { ...config, limits: { rates: [], burst: 0, domains: {}, messagesPerConnection: 1 } });
  for (let index = 0; index < 3; index++) await sendOnce(relay);
  assert.deepEqual(used, ["access-1", "access-2", "access-2"]);
});

test("xoauth2: an endpoint that fails leaves a token that is still good in use", async (t) => {
  const { used, config } = await withTokens(t, {
    isGood: () => true,
    answer: (_, number) => (number === 1 ? { body: { access_token: "access-1", expires_in: 30 } } : { status: 500, body: "oops" }),
  });
  const relay = openTestRelay(t, { ...config, limits: { rates: [], burst: 0, domains: {}, messagesPerConnection: 1 } });
  for (let index = 0; index < 2; index++) await sendOnce(relay);
  assert.deepEqual(used, ["access-1", "access-1"]);
});

const failures: Record<string, [reply: TokenReply | "none", said: RegExp]> = {
  "500 without words": [{ status: 500, body: "<html>" }, /answered 500 without a token: check token_url/],
  "200 without a token": [{ body: { token_type: "Bearer" } }, /answered 200 without a token/],
  "a token that is none": [{ body: { access_token: "a\u0001b" } }, /answered 200 without a token/],
  "JSON that is no object": [{ body: "null" }, /answered 200 without a token/],
  "a revoked grant": [
    { status: 400, body: { error: "invalid_grant", error_description: "Token has been\nrevoked: refresh-Token-1" } },
    /refused with invalid_grant \(Token has been revoked: \[credentials\]\); the refresh token .* was revoked or has run out/,
  ],
  "a wrong secret": [{ status: 401, body: { error: "invalid_client" } }, /refused with invalid_client; check client_id and client_secret/],
  "an error named like what every object has": [{ status: 400, body: { error: "constructor" } }, /refused with constructor\.?$/],
  "an answer that does not end": [{ body: "x".repeat(100_000) }, /cannot be reached: its answer does not end/],
  "no answer": ["none", /did not answer within 1 s/],
};

for (const [name, [reply, said]] of Object.entries(failures)) {
  test(`xoauth2, token endpoint, ${name}: a fault of the login that says so, and no secret in it`, async (t) => {
    const { config, used } = await withTokens(t, { isGood: () => true, answer: () => reply });
    const acquired = await openTestRelay(t, { ...config, timeouts: { connect: 1_000 } }).acquire();
    assert.ok(!acquired.ok);
    assert.equal(acquired.fault.phase, "auth");
    assert.match(acquired.fault.text.replace(/\.$/, ""), said);
    assertNone(Object.values(grant).slice(1), JSON.stringify(acquired.fault));
    assert.deepEqual(used, []);
  });
}

test("xoauth2: after a failure the next connection asks anew", async (t) => {
  const { config } = await withTokens(t, {
    isGood: () => true,
    answer: (form, number) => (number === 1 ? { status: 503, body: {} } : issued(form, number)),
  });
  const relay = openTestRelay(t, config);
  assert.ok(!(await relay.acquire()).ok);
  assert.deepEqual((await sendOnce(relay)).outcomes.map(told), ["accepted 250"]);
});

test("xoauth2: a relay that cannot be logged in to costs no token", async (t) => {
  const { endpoint, config } = await withTokens(t, { isGood: () => true, answer: issued });
  const clear = await startRawRelay({ EHLO: "250-raw.test\r\n250 AUTH XOAUTH2" });
  t.after(clear.stop);
  const acquired = await openTestRelay(t, { ...config, port: clear.port, tls: "none" }).acquire();
  assert.ok(!acquired.ok);
  assert.match(acquired.fault.text, /sends no password in clear/);
  assert.equal(endpoint.requests.length, 0);
  assert.ok(!clear.clients[0]?.lines.some((line) => line.startsWith("AUTH")));
});
