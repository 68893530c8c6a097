// Limits per key and tenant as callers meet them: 429 with the time to wait, the RateLimit fields, and never for a replay.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { noQuotas, type Quotas } from "../../src/domain/quotas.ts";
import { sharedRedis, startRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { type Answer, assertProblem, mail, openApp, type TestApp } from "./appForTests.ts";

const redis = await sharedRedis();
const opened: TestApp[] = [];
after(async () => {
  for (const app of opened) await app.close();
});

async function open(quotas: Partial<Quotas>, change: Parameters<typeof openApp>[1] = () => ({})): Promise<TestApp> {
  const all = { ...noQuotas, ...quotas };
  const app = await openApp(redis, (whole) => ({ quotas: all, change: { ...whole.change, quotas: all }, ...change(whole) }));
  opened.push(app);
  return app;
}

const hour = 3_600_000;
const rate = (count: number, perMs = hour) => ({ requests: [{ count, perMs }] });

function assertLimited(answer: Answer, code: "rate_limited" | "queue_full") {
  const problem = assertProblem(answer, 429, code);
  assert.match(String(answer.headers["retry-after"]), /^[1-9]\d*$/);
  return problem;
}

test("beyond its rate a key is answered 429 with the time to wait; other keys, and other tenants, are not", async () => {
  const app = await open({ perKey: rate(3) });
  const key = await app.key({ tenant: "acme" });
  const before = app.refusals.length;
  for (let index = 0; index < 3; index++) assert.equal((await app.ask("POST", "/v1/messages", { key, body: mail() })).status, 202);
  const problem = assertLimited(await app.ask("POST", "/v1/messages", { key, body: mail() }), "rate_limited");
  assert.match(problem.detail, /3\/h/);
  assertLimited(await app.ask("GET", "/v1/messages", { key }), "rate_limited");
  assert.equal((await app.ask("GET", "/v1/messages", { key: await app.key({ tenant: "acme" }) })).status, 200);
  assert.equal((await app.ask("GET", "/v1/messages")).status, 200);
  const list = await app.ask("GET", "/v1/messages", { key: await app.key({ tenant: "acme" }) });
  assert.equal(list.body.data.length, 3);
  await waitFor(() => app.refusals.length === before + 2, { what: "two refusals to be counted" });
  assert.deepEqual(app.refusals.slice(before), ["rate_limited", "rate_limited"]);
});

test("a tenant's rate holds over all its keys, and does not hold for others", async () => {
  const app = await open({ perTenant: rate(4) });
  const keys = [await app.key({ tenant: "acme" }), await app.key({ tenant: "acme" })];
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) => app.ask("GET", "/v1/messages", { key: keys[index % 2] ?? "" })),
  );
  assert.equal(answers.filter(({ status }) => status === 200).length, 4);
  for (const answer of answers.filter(({ status }) => status !== 200)) assertLimited(answer, "rate_limited");
  assert.equal((await app.ask("GET", "/v1/messages")).status, 200);
});

test("every answer to a caller with a rate says what it is and what is left, refusals and faults too; others say nothing of it", async () => {
  const app = await open({
    perKey: { requests: [{ count: 5, perMs: hour }] },
    perTenant: {
      requests: [
        { count: 50, perMs: 2 * hour },
        { count: 900, perMs: 24 * hour },
      ],
    },
    tenants: { free: { requests: [] } },
  });
  const policy = '"key-1h";q=5;w=3600, "tenant-2h";q=50;w=7200, "tenant-1d";q=900;w=86400';
  const asked: [method: string, path: string, status: number, body?: unknown][] = [
    ["POST", "/v1/messages", 202, mail()],
    ["POST", "/v1/messages", 422, mail({ to: "nobody" })],
    ["POST", "/v1/messages", 400, "no JSON"],
    ["GET", "/v1/messages/msg_0", 404],
    ["POST", "/v1/messages/batch", 200, { messages: [mail(), mail(), mail()] }],
    ["GET", "/v1/messages", 429],
    ["GET", "/v1/events", 429],
  ];
  for (const [index, [method, path, status, body]] of asked.entries()) {
    const answer = await app.ask(method, path, body === undefined ? {} : { body });
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.headers["ratelimit-policy"], policy);
    const used = Math.min(5, index + 1);
    const fields = /^"key-1h";r=(\d+);t=(\d+), "tenant-2h";r=(\d+);t=(\d+), "tenant-1d";r=(\d+);t=(\d+)$/.exec(
      String(answer.headers.ratelimit),
    );
    assert.ok(fields, String(answer.headers.ratelimit));
    const [keyLeft, keyIn = 0, tenantLeft, tenantIn = 0, dayLeft, dayIn = 0] = fields.slice(1).map(Number);
    assert.deepEqual([keyLeft, tenantLeft, dayLeft], [5 - used, 50 - used, 900 - used]);
    // All of it is free again when the even pace has made up for what was used.
    assert.ok(Math.abs(keyIn - used * 720) < 60 && Math.abs(tenantIn - used * 144) < 60 && Math.abs(dayIn - used * 96) < 60);
    const wait = Number(answer.headers["retry-after"]);
    if (status === 429) assert.ok(wait > 600 && wait <= 720, String(wait));
  }
  for (const options of [{ key: null }, { key: `key_${"0".repeat(16)}_${"0".repeat(32)}` }]) {
    assert.equal((await app.ask("GET", "/v1/messages", options)).headers.ratelimit, undefined);
  }
  assert.equal((await app.ask("GET", "/livez")).headers.ratelimit, undefined);
  const free = await open({ perTenant: rate(1), tenants: { default: { requests: [] } } });
  assert.equal((await free.ask("GET", "/v1/messages")).headers.ratelimit, undefined);
});

test("a request answered 429 has done nothing, and waiting as long as it said is enough", async () => {
  const app = await open({ perKey: { requests: [{ count: 2, perMs: 2_000 }] } });
  await Promise.all([1, 2].map(() => app.ask("POST", "/v1/messages", { body: mail() })));
  const refused = assertLimited(
    await app.ask("POST", "/v1/messages", { body: mail(), headers: { "idempotency-key": "k" } }),
    "rate_limited",
  );
  assert.equal(refused.errors, undefined);
  assert.equal(await app.stored(), 2);
  const waited = performance.now();
  await waitFor(async () => (await app.ask("POST", "/v1/messages", { body: mail() })).status === 202, { what: "room", everyMs: 20 });
  assert.ok(performance.now() - waited < 5_000);
});

for (const path of ["/v1/messages", "/v1/messages/batch", "/v1/messages/raw"]) {
  test(`a replay on ${path} gets the first answer again however little is left, and stores nothing`, async () => {
    const app = await open({ perKey: { ...rate(1), queued: 1 } });
    const raw = Buffer.from("From: a@example.com\r\nTo: b@example.net\r\n\r\nhi\r\n").toString("base64");
    const bodies: Record<string, unknown> = {
      "/v1/messages": mail(),
      "/v1/messages/batch": { messages: [mail()] },
      "/v1/messages/raw": { envelope: { from: "a@example.com", to: ["b@example.net"] }, raw },
    };
    const send = (key: string, query = "", body = bodies[path]) =>
      app.ask("POST", path + query, { body, headers: { "idempotency-key": key } });
    const first = await send("one");
    assert.ok(first.status < 300, first.text);
    for (let index = 0; index < 3; index++) {
      const again = await send("one");
      assert.deepEqual([again.status, again.headers["idempotent-replayed"], again.body], [first.status, "true", first.body]);
      assert.match(String(again.headers.ratelimit), /r=0/);
    }
    assertLimited(await send("two"), "rate_limited");
    assertProblem(
      await send("one", "", path === "/v1/messages" ? mail({ text: "other" }) : { ...(bodies[path] as object), tags: [] }),
      422,
      path === "/v1/messages/batch" ? "invalid_request" : "idempotency_key_reused",
    );
    if (path !== "/v1/messages/batch") assertLimited(await send("one", "?dry_run=true"), "rate_limited");
    // A key of another tenant's is no replay here.
    assert.equal(await app.stored(), 1);
  });
}

test("another tenant's Idempotency-Key opens no door", async () => {
  const app = await open({ tenants: { acme: rate(1) } });
  const headers = { "idempotency-key": "shared" };
  assert.equal((await app.ask("POST", "/v1/messages", { body: mail(), headers })).status, 202);
  const key = await app.key({ tenant: "acme" });
  assert.equal((await app.ask("GET", "/v1/messages", { key })).status, 200);
  assertLimited(await app.ask("POST", "/v1/messages", { key, body: mail(), headers }), "rate_limited");
});

test("as many messages may be open as the quota says; a settled one makes room; scheduled ones count", async () => {
  const app = await open({ perKey: { requests: [], queued: 2 } });
  const send = (more = {}) => app.ask("POST", "/v1/messages", { body: mail(more) });
  const ids = [(await send()).body.id, (await send({ send_at: new Date(Date.now() + hour).toISOString() })).body.id];
  const problem = assertLimited(await send(), "queue_full");
  assert.match(problem.detail, /\b2\b/);
  assert.match(problem.detail, /key/);
  assert.equal(await app.stored(), 2);
  assert.equal((await app.ask("POST", "/v1/messages?dry_run=true", { body: mail() })).status, 200);
  for (const id of ids) {
    assert.equal((await app.ask("POST", `/v1/messages/${id}/cancel`)).status, 200);
    assert.equal((await send()).status, 202);
    assertLimited(await send(), "queue_full");
  }
  await waitFor(() => app.refusals.filter((code) => code === "queue_full").length === 3, { what: "three refusals to be counted" });
});

test("messages of a batch are counted one by one, and refused one by one", async () => {
  const app = await open({ perTenant: { requests: [], queued: 3 } });
  const { status, body } = await app.ask("POST", "/v1/messages/batch", { body: { messages: Array.from({ length: 5 }, () => mail()) } });
  assert.equal(status, 200);
  const refused = body.data.filter((item: { error?: unknown }) => item.error);
  assert.equal(body.data.length - refused.length, 3);
  for (const { error } of refused) assert.deepEqual([error.status, error.code], [429, "queue_full"]);
  assert.equal(await app.stored(), 3);
  assertLimited(await app.ask("POST", "/v1/messages/batch", { body: { messages: [mail(), mail()] } }), "queue_full");
  assert.deepEqual(app.refusals.filter((code) => code === "queue_full").length, 5);
});

test("callers without a limit cost no word to Redis, and a limit one", async () => {
  for (const [quotas, expected] of [
    [{}, 0],
    [{ perKey: { requests: [], queued: 5 } }, 0],
    [{ perKey: rate(100) }, 1],
  ] as const) {
    let asked = 0;
    const app = await open(quotas, ({ requestRates }) => ({
      requestRates: {
        take: (...words) => {
          asked += 1;
          return requestRates.take(...words);
        },
      },
    }));
    assert.equal((await app.ask("GET", "/v1/messages")).status, 200);
    assert.equal(asked, expected);
  }
});

test("while Redis is full of other things, reads of a limited caller go on", async () => {
  const own = await startRedis();
  const all = { ...noQuotas, perKey: rate(100) };
  const app = await openApp(own, () => ({ quotas: all }));
  try {
    await own.command("CONFIG", "SET", "maxmemory", "1mb");
    assertProblem(await app.ask("POST", "/v1/messages", { body: mail() }), 503, "unavailable");
    assert.equal((await app.ask("GET", "/v1/messages")).status, 200);
  } finally {
    await app.close();
    await own.stop();
  }
});
