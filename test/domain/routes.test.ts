// Which relays may carry a recipient's mail.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Route, type RoutedMessage, relaysFor } from "../../src/domain/routes.ts";

function message(changes: Partial<RoutedMessage> = {}): RoutedMessage {
  const plain = { id: "msg_1", tenant: "default", key_id: "key_0123456789abcdef", from: "a@example.com", lane: "transactional", tags: [] };
  return { ...plain, ...changes } as RoutedMessage;
}

function ruleFor(routes: readonly Route[], changes: Partial<RoutedMessage>, recipient = "x@example.net"): number | undefined {
  return relaysFor(routes, message(changes), recipient)?.rule;
}

const routes: Route[] = [
  { from_domain: "news.example.com", to_domain: "*.example.org", relays: ["both"] },
  { from_domain: "news.example.com", relays: ["ses"] },
  { to_domain: "example.org", relays: ["office", "ses"] },
  { to_domain: "*.example.org", relays: ["office"] },
];

const cases: { name: string; fromDomain: string; toDomain: string; rule: number | undefined }[] = [
  { name: "the first rule whose conditions all hold wins", fromDomain: "news.example.com", toDomain: "a.example.org", rule: 0 },
  { name: "a rule of which only one condition holds is passed over", fromDomain: "news.example.com", toDomain: "example.net", rule: 1 },
  { name: "a rule without a sender's domain holds for every sender", fromDomain: "other.test", toDomain: "example.org", rule: 2 },
  { name: "a wildcard holds for a sub-domain at any depth", fromDomain: "other.test", toDomain: "a.b.example.org", rule: 3 },
  { name: "a wildcard holds for no domain that merely ends alike", fromDomain: "other.test", toDomain: "notexample.org", rule: undefined },
  { name: "a wildcard does not hold for an empty sub-domain", fromDomain: "other.test", toDomain: ".example.org", rule: undefined },
  {
    name: "an exact domain does not hold for its sub-domains",
    fromDomain: "www.news.example.com",
    toDomain: "example.net",
    rule: undefined,
  },
  { name: "without a matching rule there is no route", fromDomain: "other.test", toDomain: "example.net", rule: undefined },
];

for (const { name, rule, fromDomain, toDomain } of cases) {
  test(name, () => {
    const expected = rule === undefined ? undefined : { rule, relays: routes[rule]?.relays };
    assert.deepEqual(relaysFor(routes, message({ from: `a@${fromDomain}` }), `b@${toDomain}`), expected);
  });
}

test("a wildcard does not hold for the domain itself", () => {
  assert.equal(ruleFor([{ to_domain: "*.example.net", relays: ["a"] }], {}), undefined);
});

test("a rule without conditions holds for everything, and no rules for nothing", () => {
  assert.deepEqual(relaysFor([{ relays: ["a"] }], message(), "x@y.test"), { rule: 0, relays: ["a"] });
  assert.equal(relaysFor([], message(), "x@y.test"), undefined);
});

test("each condition holds for its own value and for no other", () => {
  const rows: [Partial<Route>, holds: Partial<RoutedMessage>, not: Partial<RoutedMessage>][] = [
    [{ tag: "receipt" }, { tags: ["a", "receipt"] }, { tags: ["receipts", "Receipt"] }],
    [{ lane: "broadcast" }, { lane: "broadcast" }, {}],
    [{ tenant: "acme" }, { tenant: "acme" }, {}],
    [{ key: "key_0123456789abcdef" }, {}, { key_id: "key_0123456789abcdeg" }],
    [{ key: "shop" }, { key_name: "shop" }, { key_name: "shopping" }],
    [{ from_domain: ["a.test", "*.b.test"] }, { from: "x@c.b.test" }, { from: "x@b.test" }],
  ];
  for (const [conditions, holds, not] of rows) {
    assert.equal(ruleFor([{ ...conditions, relays: ["a"] }], holds), 0, JSON.stringify(conditions));
    assert.equal(ruleFor([{ ...conditions, relays: ["a"] }], not), undefined, JSON.stringify(conditions));
  }
});

test("of a list one value is enough, of conditions all must hold", () => {
  const rules: Route[] = [{ tag: ["a", "b"], tenant: ["acme", "other"], relays: ["x"] }];
  assert.equal(ruleFor(rules, { tags: ["b"], tenant: "other" }), 0);
  assert.equal(ruleFor(rules, { tags: ["b"] }), undefined);
  assert.equal(ruleFor(rules, { tenant: "acme" }), undefined);
  assert.equal(ruleFor([{ tag: [], relays: ["x"] }], { tags: ["b"] }), undefined);
});

test("a key cannot pass for another one by taking its id for a name", () => {
  for (const id of ["bootstrap", "key_aaaaaaaaaaaaaaaa"]) {
    assert.equal(ruleFor([{ key: id, relays: ["x"] }], { key_name: id }), undefined);
    assert.equal(ruleFor([{ key: id, relays: ["x"] }], { key_id: id }), 0);
  }
});

test("a message that names its relay goes by that one alone, whatever the rules say", () => {
  assert.deepEqual(relaysFor(routes, message({ relay: "mine" }), "b@example.org"), { rule: undefined, relays: ["mine"] });
  assert.deepEqual(relaysFor([], message({ relay: "mine" }), "b@example.org"), { rule: undefined, relays: ["mine"] });
});

const relayName = fc.stringMatching(/^[a-z0-9-]{1,8}$/);
const weighted = fc
  .uniqueArray(fc.tuple(relayName, fc.integer({ min: 0, max: 20 })), { selector: ([name]) => name, minLength: 1, maxLength: 6 })
  .filter((pairs) => pairs.some(([, weight]) => weight > 0))
  .map((pairs): Route => ({ relays: pairs.map(([name]) => name), weights: Object.fromEntries(pairs) }));

function orderOf(route: Route, id: string): readonly string[] {
  return relaysFor([route], message({ id }), "x@example.net")?.relays ?? [];
}

/** Whether a share that was counted is what it should be, but for six standard deviations. */
function assertShare(counted: number, of: number, share: number, what: string): void {
  const tolerance = 6 * Math.sqrt(of * share * (1 - share)) + 2;
  assert.ok(Math.abs(counted - of * share) <= tolerance, `${what}: ${counted} of ${of}, where ${of * share} are due`);
}

test("each relay comes first for its share of the messages", () => {
  const count = 2_000;
  fc.assert(
    fc.property(weighted, fc.nat(), (route, seed) => {
      const weights = route.weights ?? {};
      const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
      const firsts = Array.from({ length: count }, (_, index) => orderOf(route, `msg_${seed}_${index}`)[0]);
      for (const relay of route.relays) {
        assertShare(firsts.filter((first) => first === relay).length, count, (weights[relay] ?? 0) / sum, relay);
      }
    }),
    { numRuns: 25 },
  );
});

test("the mail of a relay that fails is spread over the others by their weights", () => {
  const route: Route = { relays: ["ses", "office", "spare", "last"], weights: { ses: 6, office: 3, spare: 1, last: 0 } };
  const orders = Array.from({ length: 6_000 }, (_, index) => orderOf(route, `msg_${index}`));
  const failing = orders.filter(([first]) => first === "ses");
  assertShare(failing.filter(([, second]) => second === "office").length, failing.length, 3 / 4, "office");
  assertShare(failing.filter(([, second]) => second === "spare").length, failing.length, 1 / 4, "spare");
  assert.ok(orders.every((order) => order[3] === "last"));
});

test("weights leave out no relay and double none, and a message's order is always the same", () => {
  fc.assert(
    fc.property(weighted, fc.string(), (route, id) => {
      const order = orderOf(route, id);
      assert.deepEqual([...order].sort(), [...route.relays].sort());
      assert.deepEqual(orderOf(route, id), order);
    }),
  );
});

test("a relay that is added to the weights takes its share and moves no message between the others", () => {
  fc.assert(
    fc.property(weighted, relayName, fc.integer({ min: 1, max: 20 }), fc.uuid(), (route, added, weight, id) => {
      fc.pre(!route.relays.includes(added));
      const wider: Route = { relays: [...route.relays, added], weights: { ...route.weights, [added]: weight } };
      const before = orderOf(route, id);
      assert.deepEqual(
        orderOf(wider, id).filter((relay) => relay !== added),
        before,
      );
    }),
  );
});

test("relays without a share stand behind those with one, in the order of the rule, whatever they are called", () => {
  const route: Route = { relays: ["9", "constructor", "a", "1"], weights: { a: 1 } };
  assert.deepEqual(orderOf(route, "msg_x"), ["a", "9", "constructor", "1"]);
});
