// `?dry_run=true`: what would become of a message, and why, without anything being stored.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { RoutingSettings } from "../../src/accept/plan.ts";
import { relayLimits } from "../accept/accepting.ts";
import { sharedRedis } from "../support/redis.ts";
import { assertProblem, mail, openApp, type TestApp } from "./appForTests.ts";

const redis = await sharedRedis();
const opened: TestApp[] = [];
after(async () => {
  for (const app of opened) await app.close();
});

/** The API with these routes, relays and what is known of them. */
async function open(settings: Partial<RoutingSettings>): Promise<TestApp> {
  const app = await openApp(redis, ({ prepare }) => ({ prepare: { ...prepare, ...settings } }));
  opened.push(app);
  return app;
}

const routes: RoutingSettings["routes"] = [
  { tag: ["news", "offers"], to_domain: ["*.example.org", "gmail.com"], key: "test", relays: ["first", "second"] },
  {
    lane: "broadcast",
    tenant: ["acme", "default"],
    from_domain: "*.example.com",
    relays: ["second", "first"],
    weights: { second: 2, first: 0 },
  },
  { relays: ["second"] },
];

const gateway = await open({ routes });
const dryRun = async (app: TestApp, changes: Record<string, unknown>, key?: string) => {
  const answer = await app.ask("POST", "/v1/messages?dry_run=true", { body: mail(changes), ...(key && { key }) });
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
};

test("it says for each recipient the rule, what of it held, and the relays, and which recipients travel together", async () => {
  const key = await gateway.key();
  const { route, dispatches, raw, size } = await dryRun(
    gateway,
    { to: ["a@x.example.org", "b@y.example", "c@gmail.com"], tags: ["offers"] },
    key,
  );
  const because = (value: string) => `rule 0 is the first that holds: to_domain ${value}, tag offers, key test`;
  assert.deepEqual(route, [
    { recipient: "a@x.example.org", rule: 0, relays: ["first", "second"], because: because("*.example.org") },
    { recipient: "b@y.example", rule: 2, relays: ["second"], because: "rule 2 holds for everything" },
    { recipient: "c@gmail.com", rule: 0, relays: ["first", "second"], because: because("gmail.com") },
  ]);
  assert.deepEqual(dispatches, [
    { relay: "first", recipients: ["a@x.example.org", "c@gmail.com"], because: "first comes first" },
    { relay: "second", recipients: ["b@y.example"], because: "second comes first" },
  ]);
  assert.equal(size, Buffer.from(raw, "base64").length);
  assert.equal(await gateway.stored(), 0);
  assert.deepEqual(gateway.woken, []);
});

test("it says by which weights the relays are ordered, and when the message names its relay", async () => {
  const weighted = await dryRun(gateway, { from: "a@news.example.com", lane: "broadcast" });
  assert.equal(
    weighted.route[0].because,
    "rule 1 is the first that holds: from_domain *.example.com, lane broadcast, tenant default; its weights (second 2, first 0) give this message its order of relays",
  );
  const named = await dryRun(gateway, { relay: "first" });
  assert.deepEqual(named.route, [
    { recipient: "ada@example.net", rule: null, relays: ["first"], because: "the message names its relay, and no other may carry it" },
  ]);
});

test("it says why a relay is passed over, and why recipients are by themselves", async () => {
  const known = await open({
    routes: [{ relays: ["small", "down", "up"] }],
    relays: ["small", "down", "up"],
    available: (relay) => relay === "up",
    limitsOf: (relay) =>
      relay === "up"
        ? relayLimits({ recipientsPerTransaction: 2, domains: { "gmail.com": { rates: [], burst: 1 } } })
        : relay === "small"
          ? relayLimits({ messageBytesMax: 100 })
          : undefined,
  });
  const { dispatches } = await dryRun(known, { to: ["a@x.example", "b@gmail.com", "c@x.example", "d@x.example"] });
  const passed = "small takes only 100b a message; down is not available at the moment; up is next";
  assert.deepEqual(dispatches, [
    { relay: "up", recipients: ["a@x.example", "c@x.example"], because: `${passed}; up takes 2 recipients at a time` },
    { relay: "up", recipients: ["b@gmail.com"], because: `${passed}; up has limits of its own for gmail.com` },
    { relay: "up", recipients: ["d@x.example"], because: passed },
  ]);
  const none = await dryRun(await open({ available: () => false }), {});
  assert.equal(none.dispatches[0].because, "first comes first; none is available at the moment");
});

test("what would be refused is refused, and a raw message is tried alike", async () => {
  const nowhere = await open({ routes: [{ tag: "news", relays: ["first"] }] });
  assertProblem(await nowhere.ask("POST", "/v1/messages?dry_run=true", { body: mail() }), 422, "no_route");
  const tiny = await open({ limitsOf: () => relayLimits({ messageBytesMax: 100 }) });
  const tooLarge = assertProblem(await tiny.ask("POST", "/v1/messages?dry_run=true", { body: mail() }), 413, "message_too_large");
  assert.match(tooLarge.detail, /first takes 100b, second takes 100b/);
  const raw = Buffer.from("From: a@news.example.com\r\n\r\nhi\r\n").toString("base64");
  const body = { envelope: { from: "a@example.com", to: "b@example.net" }, raw, lane: "broadcast" };
  const answer = await gateway.ask("POST", "/v1/messages/raw?dry_run=true", { body });
  assert.deepEqual([answer.status, answer.body.route[0].rule, answer.body.dispatches[0].relay], [200, 1, "second"]);
});

test("a batch is not sent where somebody believes that it could be tried", async () => {
  const body = { messages: [mail()] };
  const problem = assertProblem(await gateway.ask("POST", "/v1/messages/batch?dry_run=true", { body }), 422, "invalid_request");
  assert.equal(problem.errors[0].parameter, "dry_run");
  assert.equal(await gateway.stored(), 0);
});
