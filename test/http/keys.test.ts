// Keys: what they may do, and that nobody gets more than he has.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { keyIdOf, newApiKey, patternWithin } from "../../src/domain/keys.ts";
import { sharedRedis } from "../support/redis.ts";
import { assertProblem, mail, openApp } from "./appForTests.ts";

const gateway = await openApp(await sharedRedis());
after(() => gateway.close());

test("a new key works at once, is shown once, and ends at once", async () => {
  const made = await gateway.ask("POST", "/v1/keys", { body: { name: "shop", scopes: ["read", "send"], domains: ["Example.COM"] } });
  assert.equal(made.status, 201);
  assert.equal(made.headers["cache-control"], "no-store");
  const { key, ...shown } = made.body;
  assert.equal(keyIdOf(key), shown.id);
  assert.deepEqual(
    { ...shown, id: "", created_at: "" },
    {
      id: "",
      name: "shop",
      tenant: "default",
      scopes: ["send", "read"],
      domains: ["example.com"],
      relays: [],
      created_at: "",
    },
  );
  assert.equal((await gateway.ask("POST", "/v1/messages", { key, body: mail() })).status, 202);
  assert.deepEqual((await gateway.ask("GET", String(made.headers.location))).body, shown);
  const list = await gateway.ask("GET", "/v1/keys");
  assert.deepEqual(list.body.data, [shown]);
  assert.doesNotMatch(list.text, /digest/);

  const gone = await gateway.ask("DELETE", `/v1/keys/${shown.id}`);
  assert.deepEqual([gone.status, gone.text], [204, ""]);
  assertProblem(await gateway.ask("GET", "/v1/messages", { key }), 401, "unauthorized");
  assertProblem(await gateway.ask("GET", `/v1/keys/${shown.id}`), 404, "not_found");
  assertProblem(await gateway.ask("DELETE", `/v1/keys/${shown.id}`), 404, "not_found");
});

test("nobody hands on more scopes, domains or relays than he has", async () => {
  const key = await gateway.key({ scopes: ["manage", "send"], domains: ["example.com", "*.example.org"], relays: ["first"] });
  const make = (body: object) => gateway.ask("POST", "/v1/keys", { key, body: { name: "x", scopes: ["send"], ...body } });
  const forbidden: [object, string][] = [
    [{ scopes: ["send", "read"] }, "/scopes/1"],
    [{ scopes: ["operator"] }, "/scopes/0"],
    [{ domains: ["example.net"] }, "/domains/0"],
    [{ domains: ["example.com", "*.example.com"] }, "/domains/1"],
    [{ domains: ["example.org"] }, "/domains/0"],
    [{ relays: ["second"] }, "/relays/0"],
  ];
  for (const [body, pointer] of forbidden) {
    const problem = assertProblem(await make(body), 403, "forbidden");
    assert.deepEqual(
      problem.errors.map((fault: { pointer: string }) => fault.pointer),
      [pointer],
    );
  }
  assertProblem(await make({ tenant: "other" }), 403, "forbidden");
  const narrower = await make({ domains: ["example.com", "mail.example.org", "*.mail.example.org"], relays: ["first"] });
  assert.equal(narrower.status, 201);
  const same = await make({});
  assert.deepEqual(same.body.domains, ["example.com", "*.example.org"]);
  assert.deepEqual(same.body.relays, []);
});

test("a domain pattern is within another only if it allows nothing more", () => {
  const cases: [string, string[], boolean][] = [
    ["a.example.com", ["*.example.com"], true],
    ["*.a.example.com", ["*.example.com"], true],
    ["*.example.com", ["*.example.com"], true],
    ["example.com", ["*.example.com"], false],
    ["*.example.com", ["example.com"], false],
    ["badexample.com", ["*.example.com"], false],
    ["*.com", ["*.example.com"], false],
    ["example.com", [], false],
  ];
  for (const [pattern, allowed, expected] of cases) assert.equal(patternWithin(pattern, allowed), expected, `${pattern} in ${allowed}`);
});

test("an operator's key for another tenant makes that tenant, and only operators see and end it", async () => {
  const made = await gateway.ask("POST", "/v1/keys", {
    body: { name: "theirs", scopes: ["manage", "read", "send"], tenant: "new-tenant" },
  });
  assert.equal(made.status, 201);
  assert.ok((await gateway.dependencies.apiKeys.tenants()).includes("new-tenant"));
  assert.equal((await gateway.ask("GET", "/v1/keys?tenant=new-tenant")).body.data.length, 1);
  assert.deepEqual((await gateway.ask("GET", "/v1/messages", { key: made.body.key })).body.data, []);
  assertProblem(await gateway.ask("GET", "/v1/relays", { key: made.body.key }), 403, "forbidden");
  assert.equal((await gateway.ask("DELETE", `/v1/keys/${made.body.id}`)).status, 204);
});

test("a key that cannot be is a 422 that names the field", async () => {
  const invalid: [object, string][] = [
    [{ scopes: ["send"] }, "/name"],
    [{ name: "", scopes: ["send"] }, "/name"],
    [{ name: "x\ny", scopes: ["send"] }, "/name"],
    [{ name: "x" }, "/scopes"],
    [{ name: "x", scopes: [] }, "/scopes"],
    [{ name: "x", scopes: ["root"] }, "/scopes/0"],
    [{ name: "x", scopes: ["send"], domains: [] }, "/domains"],
    [{ name: "x", scopes: ["send"], domains: ["not a domain"] }, "/domains/0"],
    [{ name: "x", scopes: ["send"], relays: ["nowhere"] }, "/relays/0"],
    [{ name: "x", scopes: ["send"], tenant: "No Tenant" }, "/tenant"],
    [{ name: "x", scopes: ["send"], key: "mine" }, "/key"],
  ];
  for (const [body, pointer] of invalid) {
    const problem = assertProblem(await gateway.ask("POST", "/v1/keys", { body }), 422, "invalid_request");
    assert.equal(problem.errors[0].pointer, pointer);
  }
});

test("a list of keys goes on behind its cursor, newest first", async () => {
  for (let index = 0; index < 7; index++) await gateway.key({ tenant: "many" });
  const pages: string[][] = [];
  for (let after = ""; ; ) {
    const { body } = await gateway.ask("GET", `/v1/keys?tenant=many&limit=3${after}`);
    pages.push(body.data.map((it: { id: string }) => it.id));
    if (!body.has_more) break;
    after = `&after=${body.next_cursor}`;
  }
  assert.deepEqual(
    pages.map((page) => page.length),
    [3, 3, 1],
  );
  assert.equal(new Set(pages.flat()).size, 7);
});

test("every digit of a key is as likely as any other", () => {
  const counts = new Map<string, number>();
  const keys = 4_000;
  for (let index = 0; index < keys; index++) {
    const { text } = newApiKey({
      tenant: "default",
      name: "",
      scopes: ["send"],
      createdAt: 0,
      random: crypto.getRandomValues(new Uint8Array(64)),
    });
    assert.match(text, /^key_[0-9a-z]{16}_[0-9A-Za-z]{32}$/);
    for (const digit of text.slice(-32)) counts.set(digit, (counts.get(digit) ?? 0) + 1);
  }
  const expected = (keys * 32) / 62;
  assert.equal(counts.size, 62);
  // Six standard deviations: once in some ten million runs by chance; taking a byte modulo 62 is fourteen off.
  const tolerance = 6 * Math.sqrt(expected);
  for (const [digit, count] of counts) assert.ok(Math.abs(count - expected) < tolerance, `${digit}: ${count} of ${Math.round(expected)}`);
});
