// What the reader of the log says of events as the scripts write them: the metrics count by it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createWebhookFanOut } from "../../src/store/webhookFanOut.ts";
import { sharedRedis } from "../support/redis.ts";
import { acceptOne, beat, openLedger } from "./ledgerForTests.ts";

const redis = await sharedRedis();

test("every event that the ledger writes is read as the kind that it is, with its category", async (t) => {
  const store = await openLedger(redis);
  t.after(() => store.connection.close());
  const { ledger, connection } = store;
  await beat(store, "own_a");
  const { wake } = await acceptOne(store, { recipients: ["a@x.example", "b@x.example", "c@x.example"] });
  const claimed = await ledger.claim(wake, "own_a", "w");
  assert.ok(claimed.kind === "claimed");
  const reply = { code: 550, text: '"category":"spam" ["message.sent"' };
  await ledger.record({
    ...{ messageId: wake.messageId, dispatch: 0, attempt: claimed.claim.attempt, retryInMs: 60_000, counts: "tries" },
    outcomes: [
      { recipient: 0, kind: "sent", reply },
      { recipient: 1, kind: "bounced", reply, category: "invalid_recipient", hard_bounce: true, personal: true },
      { recipient: 2, kind: "deferred", reply, category: "mailbox_full", hard_bounce: false },
    ],
  });
  await ledger.cancel(wake.messageId);
  const fanOut = createWebhookFanOut(connection, { consumer: "one", retentionMs: 60_000 });
  await fanOut.prepare();
  // The first look is for what this reader had in hand before.
  await fanOut.read(1_000);
  const { kinds, unreadable } = await fanOut.handle(await fanOut.read(1_000));
  await fanOut.retire();
  assert.deepEqual(unreadable, []);
  assert.deepEqual(
    kinds.map(({ type, category }) => [type, category]),
    [
      ["message.accepted", ""],
      ["message.sent", ""],
      ["message.bounced", "invalid_recipient"],
      ["suppression.added", "invalid_recipient"],
      ["message.deferred", "mailbox_full"],
      ["message.cancelled", "mailbox_full"],
    ],
  );
});
