// What holds for every request, whatever it asks for: ids, headers, unknown paths, broken connections, an orderly end.
import assert from "node:assert/strict";
import { type AddressInfo, connect } from "node:net";
import { after, test } from "node:test";
import { sharedRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { assertProblem, bootstrapKey, fixedRelays, mail, openApp } from "./appForTests.ts";

const redis = await sharedRedis();
const gateway = await openApp(redis);
const url = await gateway.app.listen({ host: "127.0.0.1", port: 0 });
after(() => gateway.close());

/** Sends bytes on a connection of its own and gives back what comes until it is closed. */
function raw(bytes: string | Buffer, port = (gateway.app.server.address() as AddressInfo).port): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "ECONNRESET" || error.code === "EPIPE" ? resolve(answer) : reject(error),
    );
    socket.on("close", () => resolve(answer));
  });
}

test("every answer carries an X-Request-Id: the caller's if it is harmless, else a new one", async () => {
  for (const id of ["abcdefgh", "A-b_3".repeat(12)]) {
    assert.equal((await gateway.ask("GET", "/livez", { headers: { "x-request-id": id } })).headers["x-request-id"], id);
  }
  const seen = new Set<unknown>();
  for (const id of ["short", "x".repeat(65), "a b c d e f", "../../../etc", undefined]) {
    const answer = await gateway.ask("GET", "/livez", id === undefined ? {} : { headers: { "x-request-id": id } });
    assert.match(String(answer.headers["x-request-id"]), /^req_[0-9a-z]{26}$/);
    seen.add(answer.headers["x-request-id"]);
  }
  assert.equal(seen.size, 5);
  for (const path of ["/", "/docs", "/openapi.json", "/nowhere", "/v1/messages/%zz", "/v1/messages"]) {
    assert.equal((await gateway.ask("GET", path, { headers: { "x-request-id": "my-own-id" } })).headers["x-request-id"], "my-own-id", path);
  }
});

test("an unknown path is a 404, and a known one with another method a 405 that names those it has", async () => {
  for (const path of [
    "/nowhere",
    "/v1",
    "/v1/messages/",
    "/v1/messages//events",
    "/v1/messages/x/nothing",
    "/docs/nothing",
    "/v1/messages/%zz",
    `/v1/messages/${"x".repeat(2_000)}`,
  ]) {
    assertProblem(await gateway.ask("GET", path), 404, "not_found");
  }
  // Whether a body would be taken does not matter where there is nothing.
  assertProblem(await gateway.ask("POST", "/nowhere", { body: "x", headers: { "content-type": "text/plain" } }), 404, "not_found");
  const wrong: [string, string, string][] = [
    ["DELETE", "/v1/messages", "GET, HEAD, POST"],
    ["PUT", "/v1/messages/msg_1", "GET, HEAD, PATCH"],
    ["GET", "/v1/messages/msg_1/cancel", "POST"],
    ["PROPFIND", "/v1/keys/key_1", "DELETE, GET, HEAD"],
    ["POST", "/livez", "GET, HEAD"],
    ["OPTIONS", "/v1/events", "GET, HEAD"],
  ];
  for (const [method, path, allow] of wrong) {
    const answer = await gateway.ask(method, path, { key: null, body: "no JSON" });
    assertProblem(answer, 405, "method_not_allowed");
    assert.equal(answer.headers.allow, allow);
  }
});

test("each request of a connection goes by its own key", async () => {
  const other = await gateway.key({ tenant: "beside", scopes: ["read"] });
  const id = other.split("_").slice(0, 2).join("_");
  const ask = (key: string) => `GET /v1/keys/self HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n`;
  const keys = [bootstrapKey, other, `${other.slice(0, -1)}!`, bootstrapKey, other, bootstrapKey.slice(0, -1)];
  const last = keys.length - 1;
  const answer = await raw(keys.map((key, index) => `${ask(key)}${index === last ? "Connection: close\r\n" : ""}\r\n`).join(""));
  assert.deepEqual(
    answer.match(/HTTP\/1\.1 \d+/g),
    [200, 200, 401, 200, 200, 401].map((status) => `HTTP/1.1 ${status}`),
  );
  assert.deepEqual(
    answer.match(/"id":"(?:bootstrap|key_[a-z0-9]+)"/g),
    ["bootstrap", id, "bootstrap", id].map((it) => `"id":"${it}"`),
  );
});

test("an operation without a body takes an empty one, whatever its type is said to be", async () => {
  const { id } = (await gateway.ask("POST", "/v1/messages", { body: mail() })).body;
  const headers = { "content-type": "application/json" };
  const answer = await gateway.ask("POST", `/v1/messages/${id}/cancel`, { body: "", headers });
  assert.equal(answer.body.status, "cancelled");
  assert.equal((await gateway.ask("DELETE", "/v1/webhooks/wh_0", { body: "", headers })).status, 404);
});

test("what never becomes a request is answered with a problem document, and the connection ends", async () => {
  const cases: [bytes: string, status: number, code: string][] = [
    ["nonsense\r\n\r\n", 400, "malformed_http"],
    ["GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "malformed_http"],
    ["GET / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n", 400, "malformed_http"],
    [`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${"x".repeat(20_000)}\r\n\r\n`, 431, "headers_too_large"],
    ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed_http"],
  ];
  for (const [bytes, status, code] of cases) {
    const answer = await raw(bytes);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    assert.match(head, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(head, /content-type: application\/problem\+json/i);
    const problem = JSON.parse(body);
    assert.deepEqual([problem.status, problem.code, problem.type], [status, code, `urn:postern:problem:${code}`]);
    assert.ok(problem.title && problem.detail && head.includes(problem.request_id));
  }
  assert.equal((await gateway.ask("GET", "/livez")).status, 200);
});

test("a body that is cut off stores nothing and is no fault of the store", async () => {
  const before = await gateway.stored();
  const observed = gateway.observed.length;
  const { port } = gateway.app.server.address() as AddressInfo;
  const body = JSON.stringify(mail());
  const head = `POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bootstrapKey}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  await new Promise<void>((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(head + body.slice(0, -1), () => setImmediate(() => socket.destroy())));
    socket.on("close", () => resolve());
  });
  await waitFor(() => gateway.observed.length > observed, { what: "the request to end" });
  assert.equal(gateway.observed.at(-1)?.status, "4xx");
  assert.equal(await gateway.stored(), before);
});

test("pages carry a policy that lets in nothing from elsewhere, and the documentation's own files are here", async () => {
  const api = await gateway.ask("GET", "/livez");
  assert.match(String(api.headers["content-security-policy"]), /default-src 'none'/);
  assert.equal(api.headers["x-content-type-options"], "nosniff");
  for (const path of ["/", "/docs"]) {
    const { status, headers, text } = await gateway.ask("GET", path, { key: null });
    assert.equal(status, 200);
    const policy = String(headers["content-security-policy"]);
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /https?:|\*|script-src[^;]*unsafe/);
    assert.doesNotMatch(text, /(?:src|href)="(?:https?:)?\/\//);
    for (const [, file = ""] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const found = await gateway.ask("GET", file, { key: null });
      assert.equal(found.status, 200, file);
    }
  }
  const home = await gateway.ask("GET", "/", { key: null });
  assert.match(home.text, /npm run build/, "in a folder of sources the page says how it comes to be there");
});

test("every answer tells browsers to do nothing with it, a refusal too", async () => {
  const expected = {
    "content-security-policy": "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "origin-agent-cluster": "?1",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-dns-prefetch-control": "off",
    "x-download-options": "noopen",
    "x-frame-options": "SAMEORIGIN",
    "x-permitted-cross-domain-policies": "none",
    "x-xss-protection": "0",
  };
  for (const [method, path, status, body] of [
    ["GET", "/livez", 200, undefined],
    ["POST", "/v1/messages", 202, mail()],
    ["POST", "/v1/messages", 422, {}],
    ["POST", "/v1/messages", 400, "{"],
    ["GET", "/nowhere", 404, undefined],
    ["PUT", "/v1/messages", 405, undefined],
  ] as const) {
    const answer = await gateway.ask(method, path, { body });
    assert.equal(answer.status, status, answer.text);
    const told = Object.fromEntries(Object.keys(expected).map((name) => [name, answer.headers[name]]));
    assert.deepEqual(told, expected, `${method} ${path}`);
    assert.equal(answer.headers["strict-transport-security"], undefined);
    assert.equal(answer.headers["x-powered-by"], undefined);
  }
});

test("the answer to a POST is the message as it is read afterwards, field by field", async () => {
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  for (const changes of [
    {},
    { cc: ["b@example.net"], bcc: "c@example.net", tags: ["a"], metadata: { b: "c" }, lane: "broadcast" },
    { send_at: soon, expires_after: "2h", subject: "Grüße" },
    { to: "left@example.net" },
  ]) {
    const suppressed = await gateway.ask("POST", "/v1/suppressions", { body: { address: "left@example.net" } });
    assert.ok(suppressed.status < 300, suppressed.text);
    const answer = await gateway.ask("POST", "/v1/messages", { body: mail(changes) });
    assert.equal(answer.status, 202, answer.text);
    assert.match(String(answer.headers["content-type"]), /^application\/json/);
    const read = await gateway.ask("GET", String(answer.headers.location));
    assert.deepEqual(answer.body, read.body);
  }
});

test("every request is measured by its route, never by its path", async () => {
  const before = gateway.observed.length;
  await gateway.ask("GET", "/v1/messages/msg_0?secret=1");
  await gateway.ask("GET", "/somewhere/else");
  await gateway.ask("GET", "/livez");
  await waitFor(() => gateway.observed.length === before + 3, { what: "three measurements" });
  assert.deepEqual(
    gateway.observed.slice(before).map(({ method, route, status }) => [method, route, status]),
    [
      ["GET", "/v1/messages/:id", "4xx"],
      ["GET", "unmatched", "4xx"],
      ["GET", "/livez", "2xx"],
    ],
  );
  assert.ok(gateway.observed.every(({ seconds }) => seconds >= 0 && seconds < 30));
});

test("closing waits for requests under way, and for no idle connection", async () => {
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let reached: () => void = () => undefined;
  const underWay = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const closing = await openApp(redis, () => ({
    relays: fixedRelays(async () => {
      reached();
      await held;
      return [];
    }),
  }));
  const where = await closing.app.listen({ host: "127.0.0.1", port: 0 });
  // fetch keeps its connections open.
  await fetch(`${where}/livez`);
  const slow = fetch(`${where}/v1/relays`, { headers: { authorization: `Bearer ${bootstrapKey}` } });
  await underWay;
  let closed = false;
  const end = closing.close().then(() => {
    closed = true;
  });
  await waitFor(
    () =>
      fetch(`${where}/livez`).then(
        () => false,
        () => true,
      ),
    { what: "new connections to be refused" },
  );
  assert.equal(closed, false);
  goOn();
  assert.equal((await slow).status, 200);
  await end;
});

test("an error of ours says nothing of our insides", async () => {
  const broken = await openApp(redis, () => ({
    relays: fixedRelays(async () => {
      throw new Error("the password is hunter2");
    }),
  }));
  const answer = await broken.ask("GET", "/v1/relays");
  assertProblem(answer, 500, "internal_error");
  assert.doesNotMatch(answer.text, /hunter2/);
  await broken.close();
});

test("large bodies beyond what memory allows are a 503, and small ones go on", async () => {
  const tight = await openApp(redis, ({ limits }) => ({ limits: { ...limits, bodiesBytesMax: 1 } }));
  const where = await tight.app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = tight.app.server.address() as AddressInfo;
  const head = `POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bootstrapKey}\r\nContent-Type: application/json\r\n`;
  // One large body is always taken, also while it arrives slowly.
  const socket = connect(port, "127.0.0.1", () => socket.write(`${head}Content-Length: 1000000\r\n\r\n{`));
  socket.on("error", () => undefined);
  const large = { method: "POST", headers: { authorization: `Bearer ${bootstrapKey}`, "content-type": "application/json" } };
  const body = JSON.stringify(mail({ text: "x\n".repeat(200_000) }));
  const refused = await waitFor(
    async () => {
      const answer = await fetch(`${where}/v1/messages`, { ...large, body });
      return answer.status === 503 ? answer : undefined;
    },
    { what: "a large body to be refused" },
  );
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal(((await refused.json()) as { code: string }).code, "overloaded");
  assert.equal((await fetch(`${where}/v1/messages`, { ...large, body: JSON.stringify(mail()) })).status, 202);
  socket.destroy();
  await waitFor(async () => (await fetch(`${where}/v1/messages`, { ...large, body })).status === 202, {
    what: "the budget to be free again",
  });
  await tight.close();
});

test("the server waits for no slow sender longer than a request may take", () => {
  const { headersTimeout, requestTimeout, timeout, keepAliveTimeout } = gateway.app.server;
  assert.deepEqual([headersTimeout, requestTimeout, timeout, keepAliveTimeout], [15_000, 120_000, 75_000, 65_000]);
});

test("the API answers on its own address", async () => {
  assert.equal((await fetch(`${url}/livez`)).status, 200);
});
