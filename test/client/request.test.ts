// What a call does when the answer is a refusal, late, cut off, or somebody else's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient, PosternError } from "../../src/client/client.ts";
import { freePort } from "../support/freePort.ts";
import { type Act, refused, startAnswering } from "./answering.ts";

const mail = { from: "a@example.com", to: "b@example.net", subject: "Hi", text: "Hi" };
const accepted: Act = { status: 202, body: { id: "msg_1" } };
const atOnce = { "retry-after": "0" };

/** @returns what it rejects with, which must be an error of the client's */
async function failure(promise: Promise<unknown>): Promise<PosternError> {
  const fault = await promise.then(
    () => assert.fail("it did not fail"),
    (error: unknown) => error,
  );
  assert.ok(fault instanceof PosternError, String(fault));
  return fault;
}

test("a message is handed over by the key, once, under a key of its own for each call", async (t) => {
  const { client, asked } = await startAnswering(t, [accepted]);
  assert.equal((await client.messages.send(mail)).id, "msg_1");
  await client.messages.send(mail);
  await client.messages.send(mail, { idempotencyKey: "order-4711" });
  assert.deepEqual([asked[0]?.method, asked[0]?.path, asked[0]?.headers.authorization], ["POST", "/v1/messages", "Bearer key"]);
  assert.deepEqual(JSON.parse(asked[0]?.body ?? ""), mail);
  const keys = asked.map(({ headers }) => String(headers["idempotency-key"]));
  assert.match(keys[0] ?? "", /^[0-9a-f-]{36}$/);
  assert.equal(new Set(keys).size, 3);
  assert.equal(keys[2], "order-4711");
  for (const idempotencyKey of ["", "ü", "a\nb", "x".repeat(256)]) {
    await assert.rejects(client.messages.send(mail, { idempotencyKey }), { name: "TypeError", message: /^idempotencyKey: / });
  }
  assert.equal(asked.length, 3);
});

test("bytes of an attachment go as base64, whatever kind of bytes they are and however long", async (t) => {
  const { client, asked } = await startAnswering(t, [accepted]);
  const long = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);
  const contents = [Buffer.from("a\0ü"), long, long.subarray(1, 5), "QQ=="];
  await client.messages.send({ ...mail, attachments: contents.map((content) => ({ filename: "a", content })) });
  const sent = JSON.parse(asked[0]?.body ?? "") as { attachments: { content: string }[] };
  assert.deepEqual(
    sent.attachments.map(({ content }) => content),
    contents.map((content) => (typeof content === "string" ? content : Buffer.from(content).toString("base64"))),
  );
});

for (const [what, act] of [
  ["429", refused(429, "rate_limited", atOnce)],
  ["503", refused(503, "unavailable", atOnce)],
  ["a proxy's 502", { status: 502, headers: { ...atOnce, "content-type": "text/html" }, body: "<html>" }],
  ["a cut connection", "cut"],
  [
    "an answer that is cut off",
    (response) => void response.writeHead(202, { "content-length": "1000" }).write("{", () => response.destroy()),
  ],
] as [string, Act][]) {
  test(`after ${what} the same request is made again under the same key`, async (t) => {
    const { client, asked } = await startAnswering(t, [act, act, accepted]);
    assert.equal((await client.messages.send(mail)).id, "msg_1");
    assert.equal(asked.length, 3);
    assert.equal(new Set(asked.map(({ headers, body }) => `${headers["idempotency-key"]} ${body}`)).size, 1);
  });
}

test("it gives up after so many tries as it was told, and says what the last one failed of", async (t) => {
  const { client, asked } = await startAnswering(t, [refused(503, "unavailable", atOnce)], { retries: 2 });
  const { status, code, detail, requestId, retryAfterMs } = await failure(client.messages.send(mail));
  assert.deepEqual([status, code, detail, requestId, retryAfterMs], [503, "unavailable", "It is unavailable.", "req_1", 0]);
  assert.equal(asked.length, 3);
  await failure(client.messages.send(mail, { retries: 0 }));
  assert.equal(asked.length, 4);
});

test("what would be done twice is not made again, unless it was certainly not done", async (t) => {
  const { client, asked } = await startAnswering(t, [
    refused(503, "unavailable", atOnce),
    "cut",
    refused(429, "rate_limited", atOnce),
    { status: 201, body: {} },
  ]);
  const create = () => client.webhooks.create({ url: "https://example.com", events: ["*"] });
  assert.equal((await failure(create())).status, 503);
  assert.equal((await failure(create())).code, "no_answer");
  await create();
  assert.equal(asked.length, 4);
});

test("a refusal that will stay is thrown at once, with every fault at its place", async (t) => {
  const errors = [
    { pointer: "/to/0", code: "invalid_address", message: "is no address" },
    { parameter: "limit", code: "too_big", message: "is too big" },
  ];
  const problem = {
    type: "",
    title: "",
    status: 422,
    detail: "The request breaks the rules.",
    code: "invalid_request",
    request_id: "req_9",
    errors,
  };
  const { client, asked } = await startAnswering(t, [{ status: 422, body: problem }]);
  const error = await failure(client.messages.send(mail));
  assert.deepEqual([error.status, error.code, error.requestId, error.errors], [422, "invalid_request", "req_9", errors]);
  assert.equal(error.message, "The request breaks the rules.\n/to/0: is no address\nlimit: is too big");
  assert.equal(asked.length, 1);
});

test("whoever asks to be left alone for longer than a minute is", async (t) => {
  const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();
  const { client, asked } = await startAnswering(t, [
    refused(429, "rate_limited", { "retry-after": "61" }),
    refused(503, "overloaded", { "retry-after": inAnHour }),
  ]);
  assert.equal((await failure(client.messages.send(mail))).retryAfterMs, 61_000);
  const { retryAfterMs = 0 } = await failure(client.messages.send(mail));
  assert.ok(retryAfterMs > 3_500_000 && retryAfterMs <= 3_600_000, String(retryAfterMs));
  assert.equal(asked.length, 2);
});

test("an answer that is not Postern's is an error that says so, and a redirect is not followed with the key", async (t) => {
  const { client, asked, url } = await startAnswering(t, [
    { status: 404, headers: { "content-type": "text/html" }, body: "nginx" },
    { status: 302, headers: { location: "/elsewhere" } },
    { status: 200, headers: { "content-type": "application/json" }, body: undefined },
  ]);
  for (const status of [404, 302]) {
    const error = await failure(client.messages.get("msg_1"));
    assert.deepEqual([error.status, error.code], [status, "unexpected_answer"]);
    assert.ok(error.detail.includes(`GET ${url}/v1/messages/msg_1`) && error.detail.includes("url"), error.detail);
  }
  assert.equal(asked.length, 2);
});

test("an answer that says 200 and is no JSON is an error of the client's, too", async (t) => {
  const { client } = await startAnswering(t, [
    (response) => void response.writeHead(200, { "content-type": "text/html" }).end("<html>login</html>"),
  ]);
  const error = await failure(client.messages.get("msg_1"));
  assert.deepEqual([error.status, error.code], [200, "unexpected_answer"]);
});

test("silence ends a try after the time that it has, and is told as such", async (t) => {
  const { client, asked } = await startAnswering(t, ["hang"], { timeoutMs: 50, retries: 1 });
  const error = await failure(client.messages.get("msg_1"));
  assert.deepEqual([error.status, error.code], [undefined, "timed_out"]);
  assert.equal(asked.length, 2);
});

test("a gateway that is not there is told by its url and the reason", async () => {
  const port = await freePort();
  const client = createClient({ url: `http://127.0.0.1:${port}/`, apiKey: "key", retries: 0 });
  const error = await failure(client.messages.get("msg_1"));
  assert.equal(error.code, "no_answer");
  assert.ok(error.detail.startsWith(`GET http://127.0.0.1:${port}/v1/messages/msg_1 had no answer: connect ECONNREFUSED`), error.detail);
  assert.ok(error.cause instanceof Error);
});

test("a signal ends a call in the middle of an answer, of a pause, and before it began", async (t) => {
  const { client, asked } = await startAnswering(t, ["hang", refused(503, "unavailable", { "retry-after": "50" })], { retries: 9 });
  for (const times of [1, 2, 2]) {
    const leaving = new AbortController();
    const why = new Error("enough");
    const call = client.messages.send(mail, { signal: leaving.signal });
    const ended = assert.rejects(call, (error) => error === why);
    if (times === 2 && asked.length === 2) leaving.abort(why);
    while (asked.length < times) await new Promise(setImmediate);
    leaving.abort(why);
    await ended;
    assert.equal(asked.length, times);
  }
});

test("a delete whose first answer was lost is done, though the second says that there is nothing", async (t) => {
  const { client, asked } = await startAnswering(t, ["cut", refused(404, "not_found"), refused(404, "not_found")]);
  assert.equal(await client.keys.delete("key_1"), undefined);
  assert.equal(asked.length, 2);
  assert.equal((await failure(client.keys.delete("key_1"))).status, 404);
});

test("no text can make one operation's path another one's", async (t) => {
  const { client, asked } = await startAnswering(t, [{ status: 200, body: {} }]);
  await client.messages.get("../keys?x#y");
  assert.equal(asked[0]?.path, "/v1/messages/..%2Fkeys%3Fx%23y");
  for (const id of ["", ".", "..", undefined as unknown as string]) {
    await assert.rejects(client.messages.get(id), { name: "TypeError", message: /^id: must/ });
  }
  assert.equal(asked.length, 1);
});

test("options that cannot work are refused at once, and the key is not repeated", () => {
  for (const url of [
    "",
    "localhost:8080",
    "/v1",
    "ftp://example.com",
    "https://example.com?x",
    "https://",
    undefined as unknown as string,
  ]) {
    assert.throws(() => createClient({ url, apiKey: "key" }), { name: "TypeError", message: /^url: / }, url);
  }
  for (const apiKey of ["", "secret key\n", "sécret", undefined as unknown as string]) {
    assert.throws(
      () => createClient({ url: "http://localhost", apiKey }),
      (error: Error) => error instanceof TypeError && error.message.startsWith("apiKey: ") && !error.message.includes("secret"),
    );
  }
});
