// Which recipients travel together, and by which relay first.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { domainOf } from "../../src/domain/address.ts";
import { firstChoice, planDispatches, type RelayKnowledge, relaysThatTake } from "../../src/domain/dispatchPlan.ts";
import type { RelayLimits } from "../../src/domain/relay.ts";

const limits = (changes: Partial<RelayLimits>): RelayLimits => ({ rates: [], burst: 1, domains: {}, ...changes });
const slow = { rates: [{ count: 1, perMs: 1_000 }], burst: 1 };
const to = (address: string, ...relays: string[]) => ({ address, relays });

test("a domain that the relay has limits of its own for is by itself, and the others stay together", () => {
  const limitsOf = (relay: string) => (relay === "ses" ? limits({ domains: { "gmail.com": slow, "web.de": slow } }) : undefined);
  const recipients = ["a@x.example", "b@gmail.com", "c@y.example", "d@web.de", "e@gmail.com"].map((address) =>
    to(address, "ses", "office"),
  );
  const together = planDispatches(recipients, 1, { limitsOf }).map((dispatch) => dispatch.recipients);
  assert.deepEqual(together, [[0, 2], [1, 4], [3]]);
  const elsewhere = planDispatches(recipients, 1, { limitsOf, available: (relay) => relay === "office" });
  assert.deepEqual(elsewhere, [{ relay: "office", recipients: [0, 1, 2, 3, 4] }], "the limits are those of the relay that takes it");
  assert.equal(planDispatches([to("a@constructor", "ses"), to("b@x.example", "ses")], 1, { limitsOf }).length, 1);
});

test("nobody is in no dispatch, and nor is a recipient without any relay", () => {
  assert.deepEqual(planDispatches([], 1, {}), []);
  assert.deepEqual(planDispatches([to("a@x.example"), to("b@x.example", "ses")], 1, {}), [{ relay: "ses", recipients: [1] }]);
  assert.equal(firstChoice([], {}), undefined);
});

test("recipients whose routes differ stay apart, also where the message is too large for the relay that tells them apart", () => {
  const limitsOf = (relay: string) => (relay === "office" ? limits({ messageBytesMax: 100 }) : undefined);
  const recipients = [to("a@x.example", "office", "ses"), to("b@x.example", "ses"), to("c@x.example", "office")];
  assert.deepEqual(planDispatches(recipients, 101, { limitsOf }), [
    { relay: "ses", recipients: [0] },
    { relay: "ses", recipients: [1] },
  ]);
});

test("a message that is exactly as large as a relay takes is taken", () => {
  const limitsOf = () => limits({ messageBytesMax: 100 });
  assert.deepEqual(relaysThatTake(["ses"], 100, { limitsOf }), ["ses"]);
  assert.deepEqual(relaysThatTake(["ses"], 101, { limitsOf }), []);
  assert.deepEqual(relaysThatTake(["ses"], 101, {}), ["ses"]);
});

const relays = ["one", "two", "three"];
const domains = ["a.example", "b.example", "c.example"];
const knowledge = fc
  .record({
    up: fc.subarray(relays),
    limits: fc.dictionary(
      fc.constantFrom(...relays),
      fc.record({ recipientsPerTransaction: fc.option(fc.integer({ min: 1, max: 4 })), slowDomains: fc.subarray(domains) }),
    ),
  })
  .map(({ up, limits: given }): RelayKnowledge => {
    const limitsOf = (relay: string) => {
      const it = Object.hasOwn(given, relay) ? given[relay] : undefined;
      return (
        it &&
        limits({
          ...(it.recipientsPerTransaction !== null && { recipientsPerTransaction: it.recipientsPerTransaction }),
          domains: Object.fromEntries(it.slowDomains.map((domain) => [domain, slow])),
        })
      );
    };
    return { limitsOf, available: (relay) => up.includes(relay) };
  });
const recipientsOf = fc.array(fc.record({ domain: fc.constantFrom(...domains), relays: fc.shuffledSubarray(relays, { minLength: 1 }) }), {
  minLength: 1,
  maxLength: 50,
});

test("every recipient is in one dispatch, with none but its like, and of no more than the relay takes at a time", () => {
  fc.assert(
    fc.property(recipientsOf, knowledge, (given, known) => {
      const recipients = given.map(({ domain, relays: ways }, index) => to(`r${index}@${domain}`, ...ways));
      const dispatches = planDispatches(recipients, 1, known);
      assert.deepEqual(
        dispatches.flatMap((dispatch) => dispatch.recipients).sort((a, b) => a - b),
        [...recipients.keys()],
      );
      const kinds = dispatches.map(({ relay, recipients: members }) => {
        const limit = known.limitsOf?.(relay);
        assert.ok(members.length <= (limit?.recipientsPerTransaction ?? Number.POSITIVE_INFINITY));
        const those = members.map((member) => recipients[member] as (typeof recipients)[number]);
        for (const { relays: ways } of those) assert.equal(firstChoice(ways, known), relay);
        const kind = new Set(
          those.map((it) => {
            const domain = domainOf(it.address);
            return JSON.stringify([it.relays, limit && Object.hasOwn(limit.domains, domain) ? domain : "any"]);
          }),
        );
        assert.equal(kind.size, 1);
        return { kind: [...kind][0], full: members.length === limit?.recipientsPerTransaction };
      });
      // No two dispatches of a kind with room in both: what can travel together does.
      const withRoom = kinds.filter(({ full }) => !full).map(({ kind }) => kind);
      assert.equal(new Set(withRoom).size, withRoom.length);
    }),
  );
});
