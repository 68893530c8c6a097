// Which way mail goes: three relays, and rules on tag, lane, tenant, key and domains; shares by weight; each recipient tracked on its own.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { type AtEnd, atEndOf } from "../support/atEnd.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { headerOf } from "../support/mailHeader.ts";
import { allSettled, eventsOf, expectedOf, sendBatches, sendEach, testMessage } from "../support/mailing.ts";
import { reconcile } from "../support/reconcile.ts";
import { sharedRedis } from "../support/redis.ts";
import { type Script, type ScriptedRelay, startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();
const names = ["one", "two", "three"] as const;
type Relays = Record<(typeof names)[number], ScriptedRelay>;

async function startRelays(atEnd: AtEnd, scripts: Partial<Record<keyof Relays, Script>> = {}): Promise<Relays> {
  const started = await Promise.all(names.map((name) => startScriptedRelay(scripts[name] ?? {})));
  for (const relay of started) atEnd(relay.stop);
  return Object.fromEntries(names.map((name, index) => [name, started[index]])) as Relays;
}

async function start(atEnd: AtEnd, relays: Partial<Relays>, routes: string, redisUrl = redis.freshUrl()): Promise<Gateway> {
  const servers = Object.entries(relays).map(([name, { port }]) => `  ${name}: { host: 127.0.0.1, port: ${port}, tls: none }\n`);
  const config = `relays:\n${servers.join("")}routes:\n${routes}retry: { schedule: [200ms] }\n`;
  const gateway = await startGateway({ env: { REDIS_URL: redisUrl }, config });
  atEnd(() => gateway.stop());
  return gateway;
}

const testIdsAt = (relay: ScriptedRelay) => relay.accepted.map(({ raw }) => headerOf(raw, "x-test-id")).sort();

async function keyOf(gateway: Gateway, tenant: string, name: string): Promise<string> {
  const { status, body } = await gateway.post<{ key: string }>("/v1/keys", { name, tenant, scopes: ["send", "read"] });
  assert.equal(status, 201);
  return body.key;
}

test("each message goes by the first rule that holds: tag, lane, tenant, key or domain; or by the relay that it names", async (t) => {
  const atEnd = atEndOf(t);
  const relays = await startRelays(atEnd);
  const gateway = await start(
    atEnd,
    relays,
    `  - { tag: [invoice, receipt], relays: [two] }
  - { lane: broadcast, relays: [three] }
  - { tenant: acme, key: shop, relays: [two] }
  - { tenant: acme, relays: [three] }
  - { from_domain: "*.example.com", relays: [two] }
  - { to_domain: [slow.example, "*.slow.example"], relays: [three] }
  - { relays: [one] }
`,
  );
  const [shop, other] = [await keyOf(gateway, "acme", "shop"), await keyOf(gateway, "acme", "other")];
  const ways: [testId: string, relay: keyof Relays, more?: Record<string, unknown>, key?: string][] = [
    ["plain", "one"],
    ["tag", "two", { tags: ["x", "receipt"], lane: "broadcast" }],
    ["lane", "three", { lane: "broadcast" }],
    ["key", "two", {}, shop],
    ["tenant", "three", {}, other],
    ["sender", "two", { from: "a@news.example.com" }],
    ["recipient", "three", { to: "a@mx.slow.example" }],
    ["named", "three", { relay: "three", tags: ["receipt"] }],
  ];
  for (const [testId, , more, key = gateway.apiKey] of ways) {
    const authorization = `Bearer ${key}`;
    const message = testMessage(testId, `${testId}@example.net`, more);
    const answer = await gateway.post<MessageView>("/v1/messages", message, { authorization });
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
  }
  const arrived = () => names.map((name) => testIdsAt(relays[name]));
  const due = names.map((name) => ways.flatMap(([testId, relay]) => (relay === name ? [testId] : [])).sort());
  await waitFor(() => arrived().flat().length === ways.length, { what: "every message to arrive" });
  assert.deepEqual(arrived(), due);
});

test("recipients of one message that route differently go to their own relays, each with a state and history of its own", async (t) => {
  const atEnd = atEndOf(t);
  const relays = await startRelays(atEnd, {
    two: { onRcpt: ({ attempt }) => (attempt === 1 ? "451 4.3.0 later" : undefined) },
    three: { onRcpt: () => "550 5.1.1 nobody" },
  });
  const gateway = await start(
    atEnd,
    relays,
    "  - { to_domain: two.example, relays: [two, one] }\n  - { to_domain: three.example, relays: [three] }\n  - { relays: [one] }\n",
  );
  const to = ["a@one.example", "b@two.example", "c@three.example", "d@one.example", "e@two.example"];
  const [message] = await sendEach(gateway, [testMessage("apart", to)]);
  const { status, recipients } = await gateway.messageSettled(message?.id ?? "");
  assert.equal(status, "partial");
  assert.deepEqual(
    recipients.map(({ address, status: state, relay, attempts }) => [address, state, relay, attempts]),
    [
      ["a@one.example", "sent", "one", 1],
      ["b@two.example", "sent", "two", 2],
      ["c@three.example", "bounced", "three", 1],
      ["d@one.example", "sent", "one", 1],
      ["e@two.example", "sent", "two", 2],
    ],
  );
  assert.deepEqual(
    names.map((name) => relays[name].accepted.map((mail) => mail.to)),
    [[["a@one.example", "d@one.example"]], [["b@two.example", "e@two.example"]], []],
  );
  const raws = names.flatMap((name) => relays[name].accepted.map(({ raw }) => headerOf(raw, "message-id")));
  assert.equal(new Set(raws).size, 1, "one Message-ID");
  const events = await eventsOf(gateway, message?.id ?? "");
  const of = (address: string) => events.flatMap(({ type, data }) => (data.recipient === address ? [`${type} ${data.relay}`] : []));
  assert.deepEqual(of("a@one.example"), ["message.sent one"]);
  assert.deepEqual(of("b@two.example"), ["message.deferred two", "message.sent two"]);
  assert.deepEqual(of("c@three.example"), ["message.bounced three"]);
});

test("weighted relays get their shares of the messages, and each message goes to one of them once", async (t) => {
  const atEnd = atEndOf(t);
  const relays = await startRelays(atEnd);
  const gateway = await start(atEnd, relays, "  - { relays: { one: 3, two: 1, three: 0 } }\n  - { tag: late, relays: [three] }\n");
  const messages = Array.from({ length: 400 }, (_, index) => testMessage(`m${index}`, [`a${index}@x.example`, `b${index}@y.example`]));
  await allSettled(gateway, await sendBatches(gateway, messages));
  const mails = names.flatMap((name) => relays[name].accepted);
  assert.deepEqual(reconcile({ expected: expectedOf(messages), mails }), { lost: [], doubled: [], unexpected: [] });
  const [one, two, three] = names.map((name) => relays[name].accepted.length);
  assert.equal(three, 0);
  assert.equal((one ?? 0) + (two ?? 0), 400, "recipients of one message stay together");
  // Six standard deviations of 400 draws with a chance of 1/4 are 52.
  assert.ok(Math.abs((two ?? 0) - 100) <= 52, `${one} and ${two} messages, where 300 and 100 are due`);
  const warned = "postern.yaml: routes[1]: can never match, because routes[0] takes everything that it would";
  assert.ok(
    gateway.logs().some((line) => line.includes(warned)),
    "a rule that can never match is named at the start",
  );
});

test("mail that waits for a relay which is taken out of the configuration goes by the rules of the day, and tags count as ever", async (t) => {
  const atEnd = atEndOf(t);
  const relays = await startRelays(atEnd, { one: { onRcpt: () => "451 4.3.2 not now" } });
  const redisUrl = redis.freshUrl();
  const before = await start(atEnd, { one: relays.one }, "  - { relays: [one] }\n", redisUrl);
  const messages = [testMessage("plain", "a@x.example"), testMessage("tagged", "b@x.example", { tags: ["news"] })];
  const sent = await sendEach(before, messages);
  await before.stop();
  const { two, three } = relays;
  const now = await start(atEnd, { two, three }, "  - { tag: news, relays: [three] }\n  - { relays: [two] }\n", redisUrl);
  await allSettled(
    now,
    sent.map(({ id }) => id),
    60_000,
  );
  assert.deepEqual([testIdsAt(two), testIdsAt(three)], [["plain"], ["tagged"]]);
});
