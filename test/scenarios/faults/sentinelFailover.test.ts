// Redis behind sentinels: the primary dies under load, and they put a replica in its place.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts, subscribeToAll } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { installationOf } from "../../support/installation.ts";
import { startWatchedRedis } from "../../support/redisSentinels.ts";
import { openBooks, startRush } from "../../support/rush.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { partUnconfirmed } from "../../support/sentUnconfirmed.ts";
import { waitFor } from "../../support/waitFor.ts";
import { startWebhookReceiver } from "../../support/webhookReceiver.ts";

faultRow(
  {
    row: "36",
    fault:
      "the primary that three sentinels watch is SIGKILLed under load; one of its two replicas takes its place, and the other follows that one",
    invariant:
      "with `durability: { wait_replicas: 1 }` 0 lost; 503 with Retry-After within 2 s meanwhile; API, workers and webhooks recover without a restart",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const redis = await startWatchedRedis(atEnd);
    const relay = await startScriptedRelay();
    atEnd(relay.stop);
    const receiver = await startWebhookReceiver();
    atEnd(receiver.stop);
    const start = installationOf(atEnd, {
      env: { REDIS_URL: redis.url, SMTP_URL: relay.url },
      config:
        "{ durability: { wait_replicas: 1, wait_timeout: 300ms }, timeouts: { owner_lease: 2s }, webhooks: { allow_private: true, timeout: 2s } }",
    });
    const [api] = await Promise.all([start("api"), start("worker"), start("worker")]);
    const webhook = await subscribeToAll(api, receiver);
    const books = openBooks();
    const rush = startRush({ gateway: api, books, name: "rush" });
    const receipts = (more: number) => {
      const before = books.receipts.size;
      return waitFor(() => books.receipts.size >= before + more, { what: `${more} more receipts`, timeoutMs: 60_000, everyMs: 1 });
    };
    await receipts(200);
    const killedAt = performance.now();
    await redis.primary.kill("SIGKILL");
    await waitFor(redis.hasFailedOver, { what: "the sentinels to name another", timeoutMs: 30_000 });
    const failedOverMs = Math.round(performance.now() - killedAt);
    assert.ok(books.refused.size > 0, "nothing was refused");
    await receipts(200);
    const takenAgainMs = Math.round(performance.now() - killedAt);
    await rush.stop();
    let unconfirmed = 0;
    const mails = async () => {
      const parted = await partUnconfirmed(api, books, relay.accepted);
      unconfirmed = parted.unconfirmed;
      return parted.mails;
    };
    const accounts = await settleAccounts({ gateway: api, receipts: books.receipts.values(), mails, webhook });
    assert.ok(books.slowestMs <= 2_000, `an answer took ${books.slowestMs} ms`);
    measured(
      `${books.receipts.size} receipts, ${books.refused.size} times 503, slowest answer ${Math.round(books.slowestMs)} ms; the sentinels agreed after ${failedOverMs} ms, 200 more receipts after ${takenAgainMs} ms; ${unconfirmed} mails of requests answered 503 were sent and forgotten; ${accounts.inWords}`,
    );
  },
);
