// Which relays may carry a recipient's mail.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Route, routeRecipient } from "../../src/domain/routes.ts";

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

for (const { name, rule, ...domains } of cases) {
  test(name, () => {
    const expected = rule === undefined ? undefined : { rule, relays: routes[rule]?.relays };
    assert.deepEqual(routeRecipient(routes, domains), expected);
  });
}

test("a wildcard does not hold for the domain itself", () => {
  assert.equal(
    routeRecipient([{ to_domain: "*.example.org", relays: ["a"] }], { fromDomain: "x.test", toDomain: "example.org" }),
    undefined,
  );
});

test("a rule without conditions holds for everything, and no rules for nothing", () => {
  const domains = { fromDomain: "x.test", toDomain: "y.test" };
  assert.deepEqual(routeRecipient([{ relays: ["a"] }], domains), { rule: 0, relays: ["a"] });
  assert.equal(routeRecipient([], domains), undefined);
});
