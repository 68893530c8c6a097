// Which rules can never match. Everything is tried: rules over a small world, and in it every message that could tell two rules apart.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { lanes } from "../../src/domain/message.ts";
import { shadowsOf } from "../../src/domain/routeCoverage.ts";
import { type Route, type RouteConditions, type RoutedMessage, relaysFor } from "../../src/domain/routes.ts";

const patterns = ["a.test", "*.a.test", "b.a.test", "*.b.a.test"];
/** One for each set that the patterns can tell apart, and one that none of them holds for. */
const domains = ["a.test", "b.a.test", "x.b.a.test", "x.a.test", "elsewhere.test"];
const oneOrMore = <Value>(...values: Value[]) =>
  fc.option(fc.oneof(fc.constantFrom(...values), fc.subarray(values, { minLength: 1 })), { nil: undefined });
const rule = fc
  .record({
    from_domain: oneOrMore(...patterns),
    to_domain: oneOrMore(...patterns),
    tag: oneOrMore("t", "u"),
    lane: oneOrMore(...lanes),
    tenant: oneOrMore("v", "w"),
    key: oneOrMore("k"),
  })
  .map((conditions): Route => ({ ...(conditions as RouteConditions), relays: ["relay"] }));

const messages: { message: RoutedMessage; recipient: string }[] = domains.flatMap((from) =>
  domains.flatMap((to) =>
    lanes.flatMap((lane) =>
      [[], ["t"], ["u"]].flatMap((tags) =>
        ["v", "w", "other"].flatMap((tenant) =>
          ["k", "other"].map((key_name) => ({
            message: { id: "msg_1", key_id: "key_1", from: `a@${from}`, key_name, tenant, tags, lane },
            recipient: `b@${to}`,
          })),
        ),
      ),
    ),
  ),
);

test("a rule is said to be shadowed if and only if no message at all reaches it", () => {
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 6 }), (routes) => {
      const reached = new Set(messages.map(({ message, recipient }) => relaysFor(routes, message, recipient)?.rule));
      for (const index of routes.keys()) assert.equal(shadowsOf(routes, index) !== undefined, !reached.has(index), `rule ${index}`);
    }),
    { numRuns: 150 },
  );
});

test("the rules that are said to shadow another one do it alone", () => {
  fc.assert(
    fc.property(fc.array(rule, { minLength: 2, maxLength: 8 }), (routes) => {
      for (const index of routes.keys()) {
        const shadows = shadowsOf(routes, index);
        if (shadows === undefined) continue;
        assert.ok(shadows.length > 0 && shadows.every((shadow) => shadow < index));
        const alone = [...shadows, index].map((kept) => routes[kept] as Route);
        assert.ok(messages.every(({ message, recipient }) => relaysFor(alone, message, recipient)?.rule !== shadows.length));
      }
    }),
    { numRuns: 150 },
  );
});

test("rules with endless lists are judged in no time", () => {
  const many = Array.from({ length: 3_000 }, (_, index) => `d${index}.test`);
  const halves: Route[] = [many.slice(0, 1_500), many.slice(1_500)].map((to_domain) => ({ to_domain, relays: ["a"] }));
  const routes: Route[] = [
    ...halves,
    { from_domain: many, to_domain: many, relays: ["b"] },
    { to_domain: many.slice(0, 9), relays: ["b"] },
  ];
  const began = performance.now();
  assert.equal(shadowsOf(routes, 2), undefined, "too many cases to look at: taken for one that can match");
  assert.deepEqual(shadowsOf(routes, 3), [0]);
  assert.ok(performance.now() - began < 2_000);
});
