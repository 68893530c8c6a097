// The certificates of Amazon SNS: fetched over a real TLS connection, kept in bounds, and worth nothing past their time.
import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { Agent, buildConnector } from "undici";
import { createSnsFetcher } from "../../src/bounces/providers/snsFetch.ts";
import { createSnsVerifier } from "../../src/bounces/providers/snsSignature.ts";
import { readSnsTopic } from "../../src/domain/notification.ts";
import { type Certificate, selfSignedCertificate } from "../support/certificate.ts";
import { certificateAddress, snsHost, snsIdentity, snsMessage, topicArn } from "../support/notifications.ts";

const topic = readSnsTopic(topicArn);
assert.ok(topic);
const topics = [topic];
const path = new URL(certificateAddress).pathname;
const identity = await snsIdentity();
const dayMs = 86_400_000;

let tls: Certificate;
before(async () => {
  tls = await selfSignedCertificate({ name: snsHost });
});
after(() => tls.remove());

/** A fetcher whose connections to whatever name end at a server of ours, checked by that name as ever. */
async function withServer(
  listener: RequestListener,
  work: (fetch: ReturnType<typeof createSnsFetcher>["fetchFromSns"]) => Promise<void>,
  options: { trusted?: boolean } = {},
) {
  const server = createTlsServer({ key: tls.key, cert: tls.cert }, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const connect = buildConnector(options.trusted === false ? {} : { ca: tls.cert });
  const agent = new Agent({
    connect: (target, callback) =>
      connect({ ...target, hostname: "127.0.0.1", port: String(port), servername: target.servername ?? target.hostname }, callback),
  });
  const { fetchFromSns, close } = createSnsFetcher(agent);
  try {
    await work(fetchFromSns);
  } finally {
    await close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test("a message is verified with the certificate that its topic's endpoint serves", async () => {
  const served: (string | undefined)[] = [];
  await withServer(
    (request, response) => {
      served.push(`${request.headers.host}${request.url}`);
      response.end(identity.certificate);
    },
    async (fetchFromSns) => {
      const verify = createSnsVerifier({ topics, fetchFromSns, now: Date.now });
      const text = Buffer.from(snsMessage(identity.key, { Message: "ü ✓" }));
      const verified = await verify(text);
      assert.equal(verified.kind === "verified" && verified.message.fields.Message, "ü ✓");
      // Several at a time, and later ones, ask no more.
      await Promise.all([verify(text), verify(text)]);
      assert.deepEqual(served, [`${snsHost}${path}`]);
    },
  );
});

test("an endpoint that another authority vouches for, that redirects, is endless or is no https is no source of certificates", async () => {
  const verifiedBy = async (fetchFromSns: ReturnType<typeof createSnsFetcher>["fetchFromSns"]) =>
    (await createSnsVerifier({ topics, fetchFromSns, now: Date.now })(Buffer.from(snsMessage(identity.key, {})))).kind;
  const good: RequestListener = (_request, response) => void response.end(identity.certificate);
  await withServer(good, async (fetch) => assert.equal(await verifiedBy(fetch), "later"), { trusted: false });
  const evil = createServer(good);
  await new Promise<void>((resolve) => evil.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = evil.address() as AddressInfo;
    const redirect: RequestListener = (_request, response) =>
      void response.writeHead(302, { location: `http://127.0.0.1:${port}${path}` }).end();
    await withServer(redirect, async (fetch) => assert.equal(await verifiedBy(fetch), "later"));
    await withServer(good, async (fetch) => assert.rejects(fetch(new URL(`http://127.0.0.1:${port}${path}`)), /https alone/));
  } finally {
    evil.closeAllConnections();
    evil.close();
  }
  const endless: RequestListener = (_request, response) => {
    const more = () => {
      if (!response.destroyed) response.write(Buffer.alloc(16_384, "x"), more);
    };
    more();
  };
  await withServer(endless, async (fetch) => {
    await assert.rejects(fetch(new URL(certificateAddress)), /larger than/);
    assert.equal(await verifiedBy(fetch), "later");
  });
});

test("a certificate that has run out, or is not valid yet, verifies nothing", async () => {
  const fetchFromSns = async () => ({ status: 200, body: identity.certificate });
  for (const offsetMs of [2 * dayMs, -2 * dayMs]) {
    const now = () => Date.now() + offsetMs;
    const text = snsMessage(identity.key, { Timestamp: new Date(now()).toISOString() });
    const verified = await createSnsVerifier({ topics, fetchFromSns, now })(Buffer.from(text));
    assert.equal(verified.kind, "refused");
    assert.match("detail" in verified ? verified.detail : "", /run out/);
  }
});

test("a certificate is fetched anew after a day, few are kept, and few are looked for at a time", async () => {
  let clock = Date.now();
  const asked: string[] = [];
  const open: (() => void)[] = [];
  let holds = false;
  const verify = createSnsVerifier({
    topics,
    now: () => clock,
    fetchFromSns: async (url) => {
      asked.push(url.pathname);
      if (holds) await new Promise<void>((resolve) => open.push(resolve));
      return { status: 200, body: identity.certificate };
    },
  });
  const from = (index: number) => {
    const name = index.toString(16).padStart(32, "0");
    const SigningCertURL = `https://${snsHost}/SimpleNotificationService-${name}.pem`;
    return verify(Buffer.from(snsMessage(identity.key, { SigningCertURL, Timestamp: new Date(clock).toISOString() })));
  };
  await from(0);
  await from(0);
  assert.equal(asked.length, 1);
  // The certificate holds for a day: the clock may go on by a little less than its own end allows.
  clock += 20 * 3_600_000;
  await from(0);
  assert.equal(asked.length, 1);
  for (let index = 1; index <= 32; index++) await from(index);
  assert.equal(asked.length, 33);
  await from(0);
  assert.equal(asked.length, 34, "the oldest was given up");
  await from(32);
  assert.equal(asked.length, 34);

  holds = true;
  const kinds = Array.from({ length: 20 }, (_, index) => from(100 + index).then(({ kind }) => kind));
  await Promise.all(kinds.slice(4));
  assert.equal(asked.length, 38);
  for (const release of open) release();
  assert.deepEqual((await Promise.all(kinds)).sort(), [...Array(16).fill("later"), ...Array(4).fill("verified")]);
});
