import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { assertProblem, mail, openApp, type TestApp } from "./appForTests.ts";

let redis: TestRedis;
let gateway: TestApp;

before(async () => {
  redis = await startRedis();
  gateway = await openApp(redis, () => ({}));
});
after(async () => {
  await gateway.close();
  await redis.stop();
});

const count = async () => {
  const { stats } = gateway.dependencies as unknown as { stats: { count(): Promise<boolean> } };
  while (await stats.count());
};

test("a tenant's mail is counted by steps, and what follows from `counted_to` on is exactly the rest", async () => {
  await gateway.ask("POST", "/v1/messages", { body: mail() });
  await count();
  await gateway.ask("POST", "/v1/messages", { body: mail() });
  const { status, body } = await gateway.ask("GET", "/v1/stats");
  assert.equal(status, 200);
  assert.equal(body.step, "1m");
  assert.ok(body.data.length === 61 || body.data.length === 60);
  const accepted = () => body.data.reduce((sum: number, row: { accepted: number }) => sum + row.accepted, 0);
  assert.equal(accepted(), 1);
  const rest = await gateway.ask("GET", `/v1/events?after=${body.counted_to}`);
  assert.deepEqual(
    rest.body.data.map(({ type }: { type: string }) => type),
    ["message.accepted"],
  );
  const other = await gateway.ask("GET", "/v1/stats?step=1h", { key: await gateway.key({ tenant: "acme" }) });
  assert.equal(
    other.body.data.every((row: { accepted: number }) => row.accepted === 0),
    true,
  );
});

test("what cannot be counted any more, lies ahead, or is no step, is refused with its parameter", async () => {
  for (const [query, parameter] of [
    [`since=${new Date(Date.now() - 49 * 3_600_000).toISOString()}`, "since"],
    [`since=${new Date(Date.now() + 3_600_000).toISOString()}`, "since"],
    ["since=yesterday", "since"],
    ["step=2m", "step"],
  ]) {
    const problem = assertProblem(await gateway.ask("GET", `/v1/stats?${query}`), 422, "invalid_request");
    assert.equal(problem.errors[0].parameter, parameter, query);
  }
  assertProblem(await gateway.ask("GET", "/v1/stats", { key: await gateway.key({ scopes: ["send"] }) }), 403, "forbidden");
});

test("every key may ask what it may do, whatever its scopes, and learns no secret", async () => {
  const bootstrap = await gateway.ask("GET", "/v1/keys/self");
  assert.deepEqual(bootstrap.body, {
    ...{ id: "bootstrap", name: "", tenant: "default", domains: null, relays: [] },
    scopes: ["send", "read", "manage", "operator"],
  });
  const key = await gateway.key({ tenant: "acme", scopes: ["send"], domains: ["example.com"] });
  const { status, headers, body } = await gateway.ask("GET", "/v1/keys/self", { key });
  assert.equal(status, 200);
  assert.equal(headers["cache-control"], "no-store");
  const { id, ...rest } = body;
  assert.match(id, /^key_[0-9a-z]{16}$/);
  assert.deepEqual(rest, { name: "test", tenant: "acme", scopes: ["send"], domains: ["example.com"], relays: [] });
  assertProblem(await gateway.ask("GET", "/v1/keys/self", { key: null }), 401, "unauthorized");
  assertProblem(await gateway.ask("GET", "/v1/keys/self", { key: "wrong" }), 401, "unauthorized");
});
