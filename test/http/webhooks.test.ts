// Webhooks as their owner sets them up: the whole life of one, and what is refused.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { sharedRedis } from "../support/redis.ts";
import { assertProblem, openApp } from "./appForTests.ts";

const gateway = await openApp(await sharedRedis());
after(() => gateway.close());

async function made(body: object = {}) {
  return gateway.ask("POST", "/v1/webhooks", { body: { url: "https://example.com/hooks", events: ["message.bounced"], ...body } });
}

test("a webhook is made, shown without its secret, changed and deleted", async () => {
  const created = await made({ description: "ours", events: ["message.sent", "message.bounced", "message.sent"] });
  assert.equal(created.status, 201);
  assert.equal(created.headers["cache-control"], "no-store");
  const { secret, ...webhook } = created.body;
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{32}$/);
  assert.deepEqual(
    { ...webhook, id: "", created_at: "" },
    {
      id: "",
      url: "https://example.com/hooks",
      events: ["message.sent", "message.bounced"],
      description: "ours",
      status: "active",
      created_at: "",
      failing_since: null,
      disabled_at: null,
      disabled_reason: null,
    },
  );
  const path = String(created.headers.location);
  assert.deepEqual((await gateway.ask("GET", path)).body, webhook);
  const list = await gateway.ask("GET", "/v1/webhooks");
  assert.deepEqual(list.body.data, [webhook]);
  assert.doesNotMatch(list.text, /whsec_/);

  const changed = await gateway.ask("PATCH", path, { body: { events: ["message.sent", "*"] } });
  assert.deepEqual(changed.body, { ...webhook, events: ["*"] });
  assert.deepEqual((await gateway.ask("PATCH", path, { body: {} })).body, changed.body);

  const rotated = await gateway.ask("POST", `${path}/rotate_secret`);
  assert.equal(rotated.status, 200);
  assert.match(rotated.body.secret, /^whsec_/);
  assert.notEqual(rotated.body.secret, secret);
  assert.equal((await gateway.ask("POST", `${path}/enable`)).body.status, "active");

  assert.equal((await gateway.ask("DELETE", path)).status, 204);
  assertProblem(await gateway.ask("GET", path), 404, "not_found");
  assertProblem(await gateway.ask("DELETE", path), 404, "not_found");
});

test("a test event becomes a delivery that can be looked at and sent again", async () => {
  const { id } = (await made()).body;
  const tested = await gateway.ask("POST", `/v1/webhooks/${id}/test`);
  assert.equal(tested.status, 202);
  assert.deepEqual([tested.body.status, tested.body.test, tested.body.attempts, tested.body.tries], ["pending", true, 0, []]);
  assert.equal(tested.body.type, "message.bounced");
  assert.deepEqual((await gateway.ask("GET", String(tested.headers.location))).body, tested.body);
  assert.deepEqual((await gateway.ask("GET", `/v1/webhooks/${id}/deliveries`)).body, {
    data: [tested.body],
    has_more: false,
    next_cursor: null,
  });
  assert.deepEqual((await gateway.ask("GET", `/v1/webhooks/${id}/deliveries?status=failed`)).body.data, []);
  assert.equal((await gateway.ask("POST", `${tested.headers.location}/replay`)).status, 202);
  const since = "2026-01-31T09:00:00.000Z";
  const replayed = await gateway.ask("POST", `/v1/webhooks/${id}/replay`, { body: { since } });
  assert.deepEqual([replayed.status, replayed.body], [202, { since }]);
  for (const path of ["deliveries/dlv_0", `deliveries/${tested.body.id.replace(/.$/, (last: string) => (last === "0" ? "1" : "0"))}`]) {
    assertProblem(await gateway.ask("GET", `/v1/webhooks/${id}/${path}`), 404, "not_found");
  }
});

test("what a disabled webhook cannot do is a 409 that says how to go on", async () => {
  const { id } = (await made()).body;
  const { redis, keys } = gateway.connection;
  const stored = JSON.parse((await redis.get(keys.webhook(id))) ?? "");
  await redis.set(keys.webhook(id), JSON.stringify({ ...stored, disabled: { at: 1_700_000_000_000, reason: "gone" } }));
  await redis.srem(keys.webhooks, id);
  const shown = (await gateway.ask("GET", `/v1/webhooks/${id}`)).body;
  assert.deepEqual([shown.status, shown.disabled_at, shown.disabled_reason], ["disabled", "2023-11-14T22:13:20.000Z", "gone"]);
  for (const [path, body] of [
    ["test", undefined],
    ["replay", { since: "2026-01-01T00:00:00Z" }],
  ] as const) {
    const problem = assertProblem(await gateway.ask("POST", `/v1/webhooks/${id}/${path}`, body ? { body } : {}), 409, "too_late");
    assert.match(problem.detail, /enable/);
  }
  assert.equal((await gateway.ask("POST", `/v1/webhooks/${id}/enable`)).body.status, "active");
});

test("a URL or a subscription that cannot be is a 422 that names the field", async () => {
  const invalid: [object, string, string][] = [
    [{ url: undefined }, "/url", "required"],
    [{ url: "example.com" }, "/url", "invalid_url"],
    [{ url: "ftp://example.com/" }, "/url", "invalid_url"],
    [{ url: "https://user:pass@example.com/" }, "/url", "invalid_url"],
    [{ url: "http://127.0.0.1/" }, "/url", "invalid_url"],
    [{ url: "http://0x7f.1/" }, "/url", "invalid_url"],
    [{ url: "http://[::ffff:10.0.0.1]/" }, "/url", "invalid_url"],
    [{ url: "http://localhost/" }, "/url", "invalid_url"],
    [{ events: undefined }, "/events", "required"],
    [{ events: [] }, "/events", "too_small"],
    [{ events: ["message.eaten"] }, "/events/0", "invalid_value"],
    [{ events: "*" }, "/events", "invalid_type"],
    [{ description: "x".repeat(501) }, "/description", "too_big"],
    [{ secret: "mine" }, "/secret", "unknown_field"],
  ];
  const { id } = (await made()).body;
  for (const [body, pointer, code] of invalid) {
    const problem = assertProblem(await made(body), 422, "invalid_request");
    assert.deepEqual(
      problem.errors.map((fault: { pointer: string; code: string }) => [fault.pointer, fault.code]),
      [[pointer, code]],
    );
    if (code === "required") continue;
    assertProblem(await gateway.ask("PATCH", `/v1/webhooks/${id}`, { body }), 422, "invalid_request");
  }
  assertProblem(await gateway.ask("POST", `/v1/webhooks/${id}/replay`, { body: { since: "yesterday" } }), 422, "invalid_request");
});

test("a tenant has no more webhooks than it may, and lists them all", async () => {
  const key = await gateway.key({ tenant: "many" });
  const body = { url: "https://example.com/hooks", events: ["*"] };
  for (let index = 0; index < 100; index++) assert.equal((await gateway.ask("POST", "/v1/webhooks", { key, body })).status, 201);
  const problem = assertProblem(await gateway.ask("POST", "/v1/webhooks", { key, body }), 422, "invalid_request");
  assert.equal(problem.errors[0].code, "too_many_webhooks");
  const first = (await gateway.ask("GET", "/v1/webhooks?limit=60", { key })).body;
  const second = (await gateway.ask("GET", `/v1/webhooks?limit=60&after=${first.next_cursor}`, { key })).body;
  assert.deepEqual([first.has_more, second.has_more, second.next_cursor], [true, false, null]);
  assert.equal(new Set([...first.data, ...second.data].map((it: { id: string }) => it.id)).size, 100);
});
