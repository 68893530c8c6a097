// The queue takes a wake-up, and its reply is lost: the producer cannot know, so the wake-up will be added again.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { startApiBehindProxy } from "../../support/installation.ts";
import { testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { openBooks, startRush } from "../../support/rush.ts";

const redis = await sharedRedis();

/** Later than when a lost wake-up is added again, so that it meets the first one in the queue. */
const scheduledInMs = 8_000;

faultRow(
  {
    row: "2",
    fault: "the reply to the queue's `add` is dropped, by silence and by a reset",
    invariant: "each message is sent once, at its time",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const { api, proxy, relay } = await startApiBehindProxy(atEnd, redis);
    const books = openBooks();
    const send_at = new Date(Date.now() + scheduledInMs).toISOString();
    const messageOf = (testId: string) => testMessage(testId, `${testId}@example.net`, /-[1-5]-/.test(testId) ? { send_at } : {});
    let lost = 0;
    for (const [name, cutAtReply] of [["silence", false] as const, ["reset", true] as const]) {
      const rule = proxy.dropRepliesAfter(":relay-default:", { cutAtReply });
      const rush = startRush({ gateway: api, books, name, messageOf });
      await rush.untilReceipts(100);
      await rush.stop();
      lost += rule.seen();
      rule.clear();
      proxy.cut();
    }
    assert.ok(lost >= 2, "replies were really lost");
    const accounts = await settleAccounts({ gateway: api, receipts: books.receipts.values(), mails: () => relay.accepted });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    const scheduled = accounts.messages.filter((message) => message.send_at !== null);
    assert.ok(scheduled.length > 0 && scheduled.length < accounts.messages.length);
    const tooEarly = relay.accepted.filter(
      ({ to, at }) => scheduled.some((it) => it.recipients[0]?.address === to[0]) && at < Date.parse(send_at),
    );
    assert.deepEqual(tooEarly, []);
    measured(`${books.receipts.size} receipts (${scheduled.length} scheduled); ${accounts.inWords}`);
  },
);
