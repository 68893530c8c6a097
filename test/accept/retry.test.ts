// Trying settled recipients again: by the routes as they are then, grouped as at acceptance.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ChangeDependencies, retry } from "../../src/accept/change.ts";
import { noQuotas } from "../../src/domain/quotas.ts";
import { isRefusal } from "../../src/domain/refusals.ts";
import { acceptOne, beat, type DraftOptions, type OpenLedger, openLedger } from "../store/ledgerForTests.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { relayLimits } from "./accepting.ts";

let redis: TestRedis;
let store: OpenLedger;
before(async () => {
  redis = await startRedis();
  store = await openLedger(redis);
});
after(async () => {
  await store.connection.close();
  await redis.stop();
});

function dependencies(changes: Partial<ChangeDependencies>): ChangeDependencies {
  const { ledger, messages } = store;
  const routing = { routes: [{ relays: ["main"] }], relays: ["main", "office"] };
  return { ledger, messages, wake: () => undefined, quotas: noQuotas, ...routing, ...changes };
}

/** A message with the first recipient sent and the others bounced. */
async function settled(options: DraftOptions): Promise<string> {
  const { id, wake } = await acceptOne(store, options);
  await beat(store, "own_a");
  const claimed = await store.ledger.claim(wake, "own_a", "word");
  assert.ok(claimed.kind === "claimed");
  const { attempt, recipients } = claimed.claim;
  const outcomes = recipients.map((recipient) => ({ recipient, kind: recipient === 0 ? ("sent" as const) : ("bounced" as const) }));
  await store.ledger.record({ messageId: id, dispatch: 0, attempt, outcomes, retryInMs: 0, counts: "nothing" });
  return id;
}

test("a retry groups those who are tried again as acceptance does, and asks no route for the others", async () => {
  const id = await settled({
    recipients: ["sent@elsewhere.example", "a@x.example", "b@gmail.com", "c@x.example", "d@y.example", "e@x.example"],
    record: { tags: ["news"] },
  });
  const answer = await retry(
    dependencies({
      routes: [
        { tag: "news", to_domain: ["x.example", "gmail.com"], relays: ["main", "office"] },
        { to_domain: "y.example", relays: ["main"] },
      ],
      limitsOf: (relay) =>
        relay === "main" ? relayLimits({ recipientsPerTransaction: 2, domains: { "gmail.com": { rates: [], burst: 1 } } }) : undefined,
    }),
    "default",
    id,
  );
  assert.ok(!isRefusal(answer), JSON.stringify(answer));
  const state = (await store.messages.find(id))?.state;
  assert.deepEqual(
    state?.recipients.map(({ status, dispatch }) => [status, dispatch]),
    [
      ["sent", 0],
      ["queued", 1],
      ["queued", 2],
      ["queued", 1],
      ["queued", 3],
      ["queued", 4],
    ],
  );
  assert.deepEqual(
    state?.dispatches.slice(1).map(({ relay }) => relay),
    ["main", "main", "main", "main"],
  );
});

test("a retry is refused in words where no rule holds, no relay takes the size, or the relay that the message names is gone", async () => {
  const recipients = ["sent@x.example", "a@x.example"];
  const refusals = [
    [
      {},
      { routes: [{ tag: "other", relays: ["main"] }] },
      "no_route",
      /^No rule of the configured routes holds for this message and the recipient domain x\.example\.$/,
    ],
    [{}, { limitsOf: () => relayLimits({ messageBytesMax: 10 }) }, "message_too_large", /main takes 10b/],
    [{ relay: "old" }, {}, "no_route", /^The message names the relay old, which is no longer configured/],
  ] as const;
  for (const [record, changes, refused, detail] of refusals) {
    const answer = await retry(dependencies(changes), "default", await settled({ recipients, record }));
    assert.ok(isRefusal(answer));
    assert.equal(answer.refused, refused);
    assert.match(answer.detail, detail);
  }
});

test("a retry goes to the relay that the message names, whatever the routes say", async () => {
  const id = await settled({ recipients: ["sent@x.example", "a@x.example"], record: { relay: "office" } });
  assert.ok(!isRefusal(await retry(dependencies({}), "default", id)));
  assert.equal((await store.messages.find(id))?.state.dispatches.at(-1)?.relay, "office");
});

test("with nobody left to try again a retry is too late, also where no rule holds any more", async () => {
  const id = await settled({ recipients: ["sent@x.example"] });
  const answer = await retry(dependencies({ routes: [] }), "default", id);
  assert.equal(isRefusal(answer) && answer.refused, "too_late");
});
