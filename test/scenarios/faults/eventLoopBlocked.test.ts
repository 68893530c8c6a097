// A worker that is alive and does not get to anything: its job locks run out, and its jobs run a second time elsewhere.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { blockableEnv, blockEventLoop } from "../../support/blockedLoop.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { closedGate } from "../../support/gate.ts";
import { installationOf } from "../../support/installation.ts";
import { sendEach, testMessage } from "../../support/mailing.ts";
import { putOffJobsIn } from "../../support/putOffJobs.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";

const redis = await sharedRedis();

const leaseMs = 2_000;
/** An idle worker looks for what nobody told it of every 5 s: the word that there is something may have gone to the blocked one. */
const blockedMs = 5 * leaseMs;

faultRow(
  {
    row: "18",
    fault:
      "a worker's event loop is blocked for ten job locks and five leases, with sends at RCPT and after the final dot; another worker is idle",
    invariant: "each is sent once, at its first attempt, and nothing is in doubt",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const replies = closedGate();
    const relay = await startScriptedRelay({
      onRcpt: ({ address }) => (address.startsWith("rcpt") ? { until: replies.opened } : undefined),
      onData: ({ to }) => (to[0]?.startsWith("dot") ? { until: replies.opened } : undefined),
    });
    atEnd(relay.stop);
    const redisUrl = redis.freshUrl();
    const start = installationOf(atEnd, {
      env: { REDIS_URL: redisUrl, SMTP_URL: `${relay.url}?connections=60` },
      config: `timeouts: { owner_lease: ${leaseMs}ms }`,
    });
    const [api, worker] = await Promise.all([start("api"), start("worker", blockableEnv)]);
    const messages = ["rcpt", "dot"].flatMap((where) =>
      Array.from({ length: 10 }, (_, index) =>
        testMessage(`${where}-${index}`, `${where}-${index}@example.net`, { on_doubt: index % 2 === 0 ? "hold" : "resend" }),
      ),
    );
    const accepted = await sendEach(api, messages);
    const begun = () => relay.connections.filter(({ commands }) => commands.some((line) => line.startsWith("RCPT"))).length;
    const underWay = () => begun() === messages.length && relay.accepted.length === messages.length / 2;
    await waitFor(underWay, { what: "every transaction to wait for its reply", timeoutMs: 20_000, everyMs: 1 });
    // Started now, so that it takes no part in the first run.
    await start("worker");
    let isBlocked = true;
    const blocked = blockEventLoop(worker, blockedMs).finally(() => {
      isBlocked = false;
    });
    // There are connections enough for a second run.
    await waitFor(putOffJobsIn(redisUrl, atEnd), { what: "jobs to run a second time", timeoutMs: blockedMs, everyMs: 20 });
    assert.ok(isBlocked, "they ran while the loop was blocked");
    // The relay answers while the worker cannot hear it.
    replies.open();
    const tookMs = await blocked;
    const accounts = await settleAccounts({ gateway: api, receipts: accepted.map(({ id }) => id), mails: () => relay.accepted });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    for (const { status, attempts, address } of accounts.recipients) assert.deepEqual([status, attempts], ["sent", 1], address);
    measured(`blocked for ${(tookMs / 1_000).toFixed(1)} s with a job lock of ${leaseMs / 2_000} s; ${accounts.inWords}`);
  },
);
