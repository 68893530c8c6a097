// The API dies between the two steps of an acceptance: the message is stored, and its wake-up is in no queue.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts, subscribeToAll } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { installationOf, startApiBehindProxy } from "../../support/installation.ts";
import { sharedRedis } from "../../support/redis.ts";
import { openBooks, startRush } from "../../support/rush.ts";
import { startSink } from "../../support/sink.ts";
import { startWebhookReceiver } from "../../support/webhookReceiver.ts";

const redis = await sharedRedis();

faultRow(
  {
    row: "1",
    fault: "the API is SIGKILLed under load, three times at whatever moment",
    invariant: "every 202 is stored, and arrives exactly once",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const sink = await startSink();
    atEnd(sink.stop);
    const receiver = await startWebhookReceiver();
    atEnd(receiver.stop);
    const start = installationOf(atEnd, {
      env: { REDIS_URL: redis.freshUrl(), SMTP_URL: sink.url },
      config: "webhooks: { allow_private: true }",
    });
    await start("worker");
    const books = openBooks();
    let api = await start("api");
    const webhook = await subscribeToAll(api, receiver);
    for (const name of ["first", "second", "third"]) {
      const rush = startRush({ gateway: api, books, name });
      await rush.untilReceipts(200);
      api.kill("SIGKILL");
      await rush.stop();
      api = await start("api");
    }
    const accounts = await settleAccounts({ gateway: api, receipts: books.receipts.values(), mails: sink.received, webhook });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    measured(`3 kills, ${books.receipts.size} receipts; ${accounts.inWords}`);
  },
);

faultRow(
  {
    row: "1b",
    fault: "the API is SIGKILLed with all that it accepted stored, and nothing of it in a queue",
    invariant: "every 202 arrives exactly once, within seconds",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const { api, proxy, relay, start } = await startApiBehindProxy(atEnd, redis);
    // The queue has a connection of its own, which the ledger's scripts do not use.
    const lost = proxy.dropRequestsFrom(":relay-default:");
    const books = openBooks();
    const rush = startRush({ gateway: api, books, name: "stored" });
    await rush.untilReceipts(100);
    api.kill("SIGKILL");
    const killedAt = Date.now();
    await rush.stop();
    assert.ok(lost.seen() > 0, "the wake-ups were really lost");
    assert.equal(relay.accepted.length, 0, "nothing was in the queue");
    const accounts = await settleAccounts({ gateway: await start("api"), receipts: books.receipts.values(), mails: () => relay.accepted });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    const tookMs = Math.max(...relay.accepted.map(({ at }) => at)) - killedAt;
    measured(
      `${books.receipts.size} receipts without a wake-up, all sent ${(tookMs / 1_000).toFixed(1)} s after the kill; ${accounts.inWords}`,
    );
  },
);
