// Through proxies: HTTP CONNECT and SOCKS, by real ones; nothing that the relay says at once is lost, and no login of the proxy is shown.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import type { RelayProxy } from "../../src/domain/relay.ts";
import { selfSignedCertificate } from "../support/certificate.ts";
import { startConnectProxy } from "../support/connectProxy.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { startSocksProxy } from "../support/socksProxy.ts";
import { startTokenEndpoint } from "../support/tokenEndpoint.ts";
import { waitFor } from "../support/waitFor.ts";
import { openTestRelay, sendOnce, told } from "./openTestRelay.ts";
import { auth as relayAuth, startSmtpServer } from "./smtpServer.ts";

const auth = { user: "proxy-User", pass: "proxy-Pässword" };
/** Only the proxies know it. */
const resolve = { "relay.internal.test": "127.0.0.1" };

type Ways = Record<string, (t: TestContext, options: { together: boolean }) => Promise<{ proxy: RelayProxy; asked: readonly string[] }>>;

const http =
  (login?: typeof auth): Ways[string] =>
  async (t, options) => {
    const { port, asked, stop } = await startConnectProxy({ resolve, ...options, ...(login && { auth: login }) });
    t.after(stop);
    return { proxy: { kind: "http", host: "127.0.0.1", port, ...(login && { auth: login }) }, asked };
  };

const socks =
  (kind: "socks4" | "socks5", login?: typeof auth): Ways[string] =>
  async (t, options) => {
    const { port, asked, stop } = await startSocksProxy({ resolve, ...options, ...(login && kind === "socks5" && { auth: login }) });
    t.after(stop);
    return { proxy: { kind, host: "127.0.0.1", port, ...(login && { auth: login }) }, asked };
  };

const ways: Ways = {
  "HTTP CONNECT": http(),
  "HTTP CONNECT with a login": http(auth),
  SOCKS5: socks("socks5"),
  "SOCKS5 with a login": socks("socks5", auth),
  SOCKS4: socks("socks4"),
  "SOCKS4 with a user": socks("socks4", { user: auth.user, pass: "" }),
};

function assertNoLogin(text: string): void {
  for (const secret of [auth.user, auth.pass, Buffer.from(`${auth.user}:${auth.pass}`).toString("base64")]) {
    assert.ok(!text.includes(secret), text);
  }
}

for (const [name, start] of Object.entries(ways)) {
  for (const together of [false, true]) {
    const how = together ? ", greeting and the proxy's answer in one piece" : "";

    test(`${name}${how}: mail goes through, to a name that the proxy knows`, async (t) => {
      const server = await startScriptedRelay();
      t.after(server.stop);
      const { proxy, asked } = await start(t, { together });
      const relay = openTestRelay(t, { host: "relay.internal.test", port: server.port, proxy });
      const sent = await sendOnce(relay);
      assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
      assert.deepEqual(
        asked.map((line) => line.replace(/^\d /, "")),
        [`relay.internal.test:${server.port}`],
      );
      // It would be the proxy's.
      assert.equal(sent.connection.remoteAddress, undefined);
      assertNoLogin(JSON.stringify(sent));
    });
  }

  for (const secure of [true, false]) {
    test(`${name}: TLS ${secure ? "from the first byte" : "by STARTTLS"} and a login go through, verified against the relay's name`, async (t) => {
      const certificate = await selfSignedCertificate();
      t.after(certificate.remove);
      const server = await startSmtpServer({ key: certificate.key, cert: certificate.cert, secure });
      t.after(server.stop);
      const { proxy } = await start(t, { together: !secure });
      const config = { port: server.port, tls: secure ? "implicit" : "required", proxy, auth: relayAuth } as const;
      const tlsOptions = { trustedCertificates: certificate.cert };
      const sent = await sendOnce(openTestRelay(t, { ...config, host: "localhost", tlsOptions }));
      assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
      assert.match(sent.connection.tls?.version ?? "", /^TLSv1/);
      const wrong = await openTestRelay(t, { ...config, host: "relay.internal.test", tlsOptions }).acquire();
      assert.ok(!wrong.ok);
      assert.match(wrong.fault.text, /certificate of relay\.internal\.test:\d+ is not trusted/);
    });
  }
}

test("an HTTPS proxy is reached by TLS, verified", async (t) => {
  const certificate = await selfSignedCertificate();
  t.after(certificate.remove);
  const server = await startScriptedRelay();
  t.after(server.stop);
  const { port, stop } = await startConnectProxy({ tls: certificate });
  t.after(stop);
  const acquired = await openTestRelay(t, { port: server.port, proxy: { kind: "https", host: "localhost", port } }).acquire();
  assert.ok(!acquired.ok);
  assert.match(acquired.fault.text, /through the proxy localhost:\d+: self-signed certificate/);
  assert.equal(server.connections.length, 0);
});

const refusals: Record<string, [start: (t: TestContext) => Promise<RelayProxy>, said: RegExp]> = {
  "a wrong login, HTTP": [
    async (t) => {
      const { port, stop } = await startConnectProxy({ auth });
      t.after(stop);
      return { kind: "http", host: "127.0.0.1", port, auth: { ...auth, user: "other" } };
    },
    /it wants another login: check the user and password in the proxy's URL/,
  ],
  "a port that it does not allow": [
    async (t) => {
      const { port, stop } = await startConnectProxy({ answer: 403 });
      t.after(stop);
      return { kind: "http", host: "127.0.0.1", port, auth };
    },
    /it does not allow that host and port/,
  ],
  "an answer that is none": [
    async (t) => {
      const { port, stop } = await startConnectProxy({ answer: 502 });
      t.after(stop);
      return { kind: "http", host: "127.0.0.1", port, auth };
    },
    /it answered CONNECT with 502/,
  ],
  "silence, HTTP": [
    async (t) => {
      const { port, stop } = await startConnectProxy({ answer: "none" });
      t.after(stop);
      return { kind: "http", host: "127.0.0.1", port, auth };
    },
    /it was not done within 500 ms/,
  ],
  "a wrong login, SOCKS5": [
    async (t) => {
      const { port, stop } = await startSocksProxy({ auth });
      t.after(stop);
      return { kind: "socks5", host: "127.0.0.1", port, auth: { ...auth, user: "other" } };
    },
    /through the proxy 127\.0\.0\.1:\d+: .*Authentication/i,
  ],
  "no login where one is wanted, SOCKS5": [
    async (t) => {
      const { port, stop } = await startSocksProxy({ auth });
      t.after(stop);
      return { kind: "socks5", host: "127.0.0.1", port };
    },
    /through the proxy/,
  ],
  "a refusal, SOCKS5": [
    async (t) => {
      const { port, stop } = await startSocksProxy({ refuse: 2 });
      t.after(stop);
      return { kind: "socks5", host: "127.0.0.1", port, auth };
    },
    /through the proxy/,
  ],
  "silence, SOCKS5": [
    async (t) => {
      const { port, stop } = await startSocksProxy({ silent: true });
      t.after(stop);
      return { kind: "socks5", host: "127.0.0.1", port, auth };
    },
    /it was not done within 500 ms/,
  ],
  "nobody at its port": [async () => ({ kind: "socks5", host: "127.0.0.1", port: 1, auth }), /ECONNREFUSED/],
  "something that speaks no HTTP": [
    async (t) => {
      const server = createServer((socket) => socket.on("error", () => {}).end("220 I am no proxy\r\n"));
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      t.after(() => server.close());
      return { kind: "http", host: "127.0.0.1", port: (server.address() as { port: number }).port, auth };
    },
    /through the proxy/,
  ],
};

for (const [name, [start, said]] of Object.entries(refusals)) {
  test(`a proxy, ${name}: a fault of the way to the relay that names the proxy, without its login`, async (t) => {
    const server = await startScriptedRelay();
    t.after(server.stop);
    const proxy = await start(t);
    const acquired = await openTestRelay(t, { port: server.port, proxy, timeouts: { connect: 500 } }).acquire();
    assert.ok(!acquired.ok);
    assert.equal(acquired.fault.phase, "connect");
    assert.match(acquired.fault.text, said);
    assert.match(acquired.fault.text, new RegExp(`proxy 127\\.0\\.0\\.1:${proxy.port}`));
    assertNoLogin(JSON.stringify(acquired.fault));
  });
}

test("closing the relay while the proxy keeps us waiting closes the way to it too", async (t) => {
  let open = 0;
  const server = createServer((socket) => {
    open++;
    socket
      .on("error", () => {})
      .on("close", () => open--)
      .resume();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  for (const kind of ["http", "socks5"] as const) {
    const relay = openTestRelay(t, { port: 25, proxy: { kind, host: "127.0.0.1", port } });
    const acquiring = relay.acquire();
    await waitFor(() => open === 1, { what: "the proxy to be reached" });
    await relay.close(100);
    assert.ok(!(await acquiring).ok);
    await waitFor(() => open === 0, { what: "the way to be closed" });
  }
});

test("tokens are asked for through the relay's proxy", async (t) => {
  const certificate = await selfSignedCertificate();
  t.after(certificate.remove);
  const server = await startSmtpServer({
    ...{ key: certificate.key, cert: certificate.cert, secure: true, authMethods: ["XOAUTH2"] },
    onAuth: ({ accessToken }, _session, callback) => callback(null, accessToken === "good" ? { user: "x" } : { data: {} as never }),
  });
  t.after(server.stop);
  const endpoint = await startTokenEndpoint(() => ({ body: { access_token: "good", expires_in: 3600 } }));
  t.after(endpoint.stop);
  for (const kind of ["http", "socks5"] as const) {
    const { port, asked, stop } = await (kind === "http" ? startConnectProxy() : startSocksProxy());
    t.after(stop);
    const token = { kind: "client_credentials", url: endpoint.url, clientId: "c", clientSecret: "secret" } as const;
    const relay = openTestRelay(t, {
      ...{ port: server.port, tls: "implicit", trustedCertificates: certificate.cert, proxy: { kind, host: "127.0.0.1", port } },
      auth: { user: "robot@office.test", method: "xoauth2", token },
    });
    assert.deepEqual((await sendOnce(relay)).outcomes.map(told), ["accepted 250"]);
    assert.deepEqual(
      asked.map((line) => line.replace(/^\d /, "")),
      [`127.0.0.1:${server.port}`, `127.0.0.1:${endpoint.port}`],
    );
  }
});
