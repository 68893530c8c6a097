// Redis behind sentinels: the primary dies under load, and they put a replica in its place.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { startLoadedInstallation } from "../../support/loadedInstallation.ts";
import { startWatchedRedis } from "../../support/redisSentinels.ts";
import { withoutUnconfirmed } from "../../support/sentUnconfirmed.ts";
import { waitFor } from "../../support/waitFor.ts";

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
    const { api, relay, webhook, books, rush, receipts } = await startLoadedInstallation(atEnd, {
      redisUrl: redis.url,
      config: "durability: { wait_replicas: 1, wait_timeout: 300ms },",
      receiptsTimeoutMs: 60_000,
    });
    await receipts(200);
    const killedAt = performance.now();
    await redis.primary.kill("SIGKILL");
    await waitFor(redis.hasFailedOver, { what: "the sentinels to name another", timeoutMs: 30_000 });
    const failedOverMs = Math.round(performance.now() - killedAt);
    assert.ok(books.refused.size > 0, "nothing was refused");
    await receipts(200);
    const takenAgainMs = Math.round(performance.now() - killedAt);
    await rush.stop();
    const { mails, inWords } = withoutUnconfirmed({ gateway: api, books, relay });
    const accounts = await settleAccounts({ gateway: api, receipts: books.receipts.values(), mails, webhook });
    assert.ok(books.slowestMs <= 2_000, `an answer took ${books.slowestMs} ms`);
    measured(
      `${books.receipts.size} receipts, ${books.refused.size} times 503, slowest answer ${Math.round(books.slowestMs)} ms; the sentinels agreed after ${failedOverMs} ms, 200 more receipts after ${takenAgainMs} ms; ${inWords()}; ${accounts.inWords}`,
    );
  },
);
