import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { isIPv4 } from "node:net";
import { test } from "node:test";
import { createPoster } from "../../src/notify/post.ts";
import { selfSignedCertificate } from "../support/certificate.ts";
import { startWebhookReceiver } from "../support/webhookReceiver.ts";

const request = { headers: {}, body: "{}", signal: new AbortController().signal };

/** A poster whose names resolve to one list of addresses after the other, the last for good; it notes each question. */
function posterWith(answers: string[][], targets: "public" | "loopback" = "loopback") {
  const asked: string[] = [];
  const resolve = async (hostname: string) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    return addresses.map((address) => ({ address, family: isIPv4(address) ? 4 : 6 }));
  };
  return { asked, ...createPoster({ targets, version: "0", timeoutMs: 2_000, connections: 1, resolve }) };
}

test("a name that leads to a private address is refused before any connection, even if it leads elsewhere too", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  for (const addresses of [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["::1"], ["10.0.0.1"], ["64:ff9b::7f00:1"]]) {
    const poster = posterWith([addresses], "public");
    t.after(poster.close);
    const { error, status } = await poster.post({ ...request, url: `http://hooks.example.com:${receiver.port}/` });
    assert.deepEqual([error, status], ["The host name leads to an address that is not public.", undefined], String(addresses));
    assert.deepEqual(poster.asked, ["hooks.example.com"]);
  }
  assert.equal(receiver.requests.length, 0);
});

test("the connection is made to the very address that was checked: the name is asked once for each, and every answer is checked", async (t) => {
  const receiver = await startWebhookReceiver({ answer: () => ({ headers: { connection: "close" } }) });
  t.after(receiver.stop);
  const poster = posterWith([["127.0.0.1"], ["10.0.0.1"]]);
  t.after(poster.close);
  const url = `http://rebinding.example.com:${receiver.port}/hook`;
  assert.equal((await poster.post({ ...request, url })).status, 204);
  assert.equal(receiver.requests[0]?.headers.host, `rebinding.example.com:${receiver.port}`);
  assert.deepEqual(poster.asked, ["rebinding.example.com"]);
  // The next connection finds the name changed.
  assert.equal((await poster.post({ ...request, url })).error, "The host name leads to an address that is not public.");
  assert.equal(receiver.requests.length, 1);
});

test("literal addresses, which are never looked up, are checked too", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  const poster = posterWith([["127.0.0.1"]], "public");
  t.after(poster.close);
  for (const host of ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "[::1]", "localhost"]) {
    const { error } = await poster.post({ ...request, url: `http://${host}:${receiver.port}/` });
    assert.match(String(error), /^The host .* is .*: use an address that the internet reaches\.$/, host);
  }
  assert.deepEqual([poster.asked, receiver.requests], [[], []]);
});

test("a name without an address and a resolver that fails are told in words", async (t) => {
  const none = posterWith([[]]);
  t.after(none.close);
  assert.equal((await none.post({ ...request, url: "http://nothing.example.com/" })).error, "The host name does not exist.");
  const resolve = () => Promise.reject(Object.assign(new Error("10.1.2.3 did not answer"), { code: "ESERVFAIL" }));
  const failing = createPoster({ targets: "public", version: "0", timeoutMs: 2_000, connections: 1, resolve });
  t.after(failing.close);
  assert.equal(
    (await failing.post({ ...request, url: "http://x.example.com/" })).error,
    "The host name could not be resolved: its DNS is at fault.",
  );
});

test("localhost is resolved by the machine itself where loopback is allowed", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  const poster = createPoster({ targets: "loopback", version: "0", timeoutMs: 2_000, connections: 1 });
  t.after(poster.close);
  assert.equal((await poster.post({ ...request, url: `http://localhost:${receiver.port}/` })).status, 204);
});

test("a body that never ends costs neither the status nor more than a moment", async (t) => {
  const server = createServer((_incoming, response) => void response.writeHead(200).write("so far\u0007"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const poster = posterWith([["127.0.0.1"]]);
  t.after(poster.close);
  const began = performance.now();
  const { port } = server.address() as { port: number };
  const { status, snippet, durationMs } = await poster.post({ ...request, url: `http://127.0.0.1:${port}/` });
  assert.deepEqual([status, snippet], [200, "so far"]);
  assert.ok(durationMs < 1_000 && performance.now() - began < 3_000);
});

test("a certificate that nobody vouches for is refused", async (t) => {
  const certificate = await selfSignedCertificate();
  t.after(certificate.remove);
  let requests = 0;
  const server = createTlsServer(certificate, (_incoming, response) => {
    requests += 1;
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const poster = posterWith([["127.0.0.1"]]);
  t.after(poster.close);
  const { port } = server.address() as { port: number };
  const { error } = await poster.post({ ...request, url: `https://localhost:${port}/` });
  assert.match(String(error), /^The TLS certificate or handshake is at fault \(/);
  assert.equal(requests, 0);
});
