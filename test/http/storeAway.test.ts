// Redis away, frozen or full: an answer within two seconds that says when to come back, and nothing half-accepted.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { assertProblem, bootstrapKey, mail, openApp } from "./appForTests.ts";
import { openStream } from "./eventStream.ts";

const redis = await startRedis();
const gateway = await openApp(redis, () => ({
  notReady: async () => {
    await gateway.connection.redis.ping();
    return [];
  },
}));
const url = await gateway.app.listen({ host: "127.0.0.1", port: 0 });
const key = await gateway.key();
after(async () => {
  await gateway.close();
  await redis.stop();
});

const requests: [method: string, path: string, body?: unknown][] = [
  ["POST", "/v1/messages", mail()],
  ["POST", "/v1/messages/batch", { messages: [mail(), mail()] }],
  ["GET", "/v1/messages"],
  ["GET", "/v1/messages/msg_00000000000000000000000000"],
  ["POST", "/v1/messages/msg_00000000000000000000000000/cancel"],
  ["GET", "/v1/events"],
  ["GET", "/v1/events/stream"],
  ["GET", "/v1/keys"],
  ["POST", "/v1/keys", { name: "x", scopes: ["send"] }],
  ["GET", "/v1/webhooks"],
  ["POST", "/v1/webhooks", { url: "https://example.com/", events: ["*"] }],
];

/** Every operation is a 503 within two seconds, by a key from the store as by the configured one. */
async function allUnavailable(): Promise<void> {
  const answers = requests.flatMap(([method, path, body]) =>
    [key, bootstrapKey].map(async (it) => {
      const before = performance.now();
      const answer = await gateway.ask(method, path, { key: it, ...(body !== undefined && { body }) });
      assertProblem(answer, 503, "unavailable");
      assert.ok(Number(answer.headers["retry-after"]) >= 1);
      const tookMs = performance.now() - before;
      assert.ok(tookMs < 2_000, `${method} ${path} took ${Math.round(tookMs)} ms`);
    }),
  );
  await Promise.all(answers);
  assert.equal((await gateway.ask("GET", "/livez")).status, 200);
  const ready = await gateway.ask("GET", "/readyz");
  assertProblem(ready, 503, "unavailable");
  assert.ok(ready.body.checks.process.problems.length > 0);
}

test("a Redis that is gone, and one that hangs, are a 503 with Retry-After within two seconds; when it is back so is the API", async () => {
  assert.equal((await gateway.ask("POST", "/v1/messages", { key, body: mail() })).status, 202);
  const stored = await gateway.stored();
  const stream = await openStream(url, { key });
  await waitFor(() => stream.lines.length > 0, { what: "the stream's first line" });

  await redis.kill("SIGSTOP");
  await allUnavailable();
  await redis.kill("SIGCONT");
  await waitFor(async () => (await gateway.ask("GET", "/v1/messages", { key })).status === 200, { what: "the API to be back" });
  assert.equal(await gateway.stored(), stored, "a request that was answered 503 was accepted");

  await redis.kill("SIGKILL");
  await allUnavailable();
  await redis.restart();
  await waitFor(async () => (await gateway.ask("GET", "/v1/messages", { key })).status === 200, {
    what: "the API to be back",
    timeoutMs: 10_000,
  });
  assert.equal(await gateway.stored(), stored);

  const { body } = await gateway.ask("POST", "/v1/messages", { key, body: mail() });
  assert.deepEqual(
    (await stream.seen(1, 10_000)).map((event) => event.data.data.message_id),
    [body.id],
  );
  stream.close();
});

test("a full Redis refuses new mail with a 503, and still shows what there is", async () => {
  await redis.command("CONFIG", "SET", "maxmemory", "1");
  assertProblem(await gateway.ask("POST", "/v1/messages", { key, body: mail() }), 503, "unavailable");
  assert.equal((await gateway.ask("GET", "/v1/messages", { key })).status, 200);
  await redis.command("CONFIG", "SET", "maxmemory", "0");
  assert.equal((await gateway.ask("POST", "/v1/messages", { key, body: mail() })).status, 202);
});
