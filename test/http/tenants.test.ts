// Nothing crosses tenants: neither what is there, nor whether it is there.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { sharedRedis } from "../support/redis.ts";
import { assertProblem, mail, openApp } from "./appForTests.ts";

const gateway = await openApp(await sharedRedis());
after(() => gateway.close());

test("another tenant's messages, events, keys and webhooks are neither listed nor found", async () => {
  const [ours, theirs] = [
    await gateway.key({ tenant: "ours" }),
    await gateway.key({ tenant: "theirs", scopes: ["send", "read", "manage"] }),
  ];
  const message = (await gateway.ask("POST", "/v1/messages", { key: ours, body: mail() })).body.id;
  const webhook = (await gateway.ask("POST", "/v1/webhooks", { key: ours, body: { url: "https://example.com/hook", events: ["*"] } })).body
    .id;
  const delivery = (await gateway.ask("POST", `/v1/webhooks/${webhook}/test`, { key: ours })).body.id;
  const key = ours.slice(0, 20);

  const requests: [method: string, path: string, body?: unknown][] = [
    ["GET", `/v1/messages/${message}`],
    ["GET", `/v1/messages/${message}/events`],
    ["GET", `/v1/messages/${message}/attempts`],
    ["GET", `/v1/messages/${message}/content`],
    ["POST", `/v1/messages/${message}/cancel`],
    ["POST", `/v1/messages/${message}/retry`],
    ["PATCH", `/v1/messages/${message}`, { send_at: new Date(Date.now() + 3_600_000).toISOString() }],
    ["GET", `/v1/webhooks/${webhook}`],
    ["PATCH", `/v1/webhooks/${webhook}`, { description: "mine" }],
    ["DELETE", `/v1/webhooks/${webhook}`],
    ["POST", `/v1/webhooks/${webhook}/test`],
    ["POST", `/v1/webhooks/${webhook}/enable`],
    ["POST", `/v1/webhooks/${webhook}/rotate_secret`],
    ["POST", `/v1/webhooks/${webhook}/replay`, { since: "2026-01-01T00:00:00Z" }],
    ["GET", `/v1/webhooks/${webhook}/deliveries`],
    ["GET", `/v1/webhooks/${webhook}/deliveries/${delivery}`],
    ["POST", `/v1/webhooks/${webhook}/deliveries/${delivery}/replay`],
    ["GET", `/v1/keys/${key}`],
    ["DELETE", `/v1/keys/${key}`],
  ];
  for (const [method, path, body] of requests) {
    assertProblem(await gateway.ask(method, path, { key: theirs, ...(body !== undefined && { body }) }), 404, "not_found");
  }
  for (const list of ["/v1/messages", "/v1/events", "/v1/webhooks"]) {
    assert.deepEqual((await gateway.ask("GET", list, { key: theirs })).body.data, [], list);
    assert.equal((await gateway.ask("GET", list, { key: ours })).body.data.length, 1, list);
  }
  const listed = (await gateway.ask("GET", "/v1/keys", { key: theirs })).body.data;
  assert.deepEqual(
    listed.map((it: { tenant: string }) => it.tenant),
    ["theirs"],
  );
  assertProblem(await gateway.ask("GET", "/v1/keys?tenant=ours", { key: theirs }), 403, "forbidden");
  for (const path of ["/v1/relays", "/v1/captured"]) assertProblem(await gateway.ask("GET", path, { key: theirs }), 403, "forbidden");

  const untouched = await gateway.ask("GET", `/v1/messages/${message}`, { key: ours });
  assert.equal(untouched.body.status, "in_progress");
  assert.equal((await gateway.ask("GET", `/v1/webhooks/${webhook}`, { key: ours })).body.description, "");
  assert.equal((await gateway.ask("GET", `/v1/keys/${key}`, { key: ours })).status, 200);
});

test("the same Idempotency-Key of two tenants is two keys", async () => {
  const headers = { "idempotency-key": "the same" };
  const [one, two] = [await gateway.key({ tenant: "one" }), await gateway.key({ tenant: "two" })];
  const first = await gateway.ask("POST", "/v1/messages", { key: one, body: mail(), headers });
  const second = await gateway.ask("POST", "/v1/messages", { key: two, body: mail(), headers });
  assert.equal(second.status, 202);
  assert.notEqual(first.body.id, second.body.id);
});
