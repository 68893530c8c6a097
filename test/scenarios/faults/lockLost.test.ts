// A worker lives on, and its job runs a second time elsewhere: the lock was lost in an outage of Redis while a long send was under way.
import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { closedGate } from "../../support/gate.ts";
import { installationOf } from "../../support/installation.ts";
import { sendEach, testMessage } from "../../support/mailing.ts";
import { startProxy } from "../../support/proxy.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";

const redis = await sharedRedis();

/** A third of the default. A job is locked for half of it and looked for after a quarter more, so that it is found before the lease ends. */
const leaseMs = 20_000;

faultRow(
  {
    row: "28",
    fault:
      "a worker is cut off from Redis for longer than its job locks last, with long sends under way; another worker runs the jobs a second time",
    invariant: "each is sent once, at its first attempt, and nothing is in doubt",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const replies = closedGate();
    const relay = await startScriptedRelay({ onData: () => ({ until: replies.opened }) });
    atEnd(relay.stop);
    const proxy = await startProxy({ target: { port: redis.port } });
    atEnd(proxy.stop);
    const redisUrl = redis.freshUrl();
    const start = installationOf(atEnd, {
      env: { REDIS_URL: redisUrl, SMTP_URL: `${relay.url}?connections=30` },
      config: `timeouts: { owner_lease: ${leaseMs}ms }`,
    });
    const [api] = await Promise.all([start("api"), start("worker", { REDIS_URL: redisUrl.replace(`:${redis.port}`, `:${proxy.port}`) })]);
    const messages = Array.from({ length: 10 }, (_, index) =>
      testMessage(`long-${index}`, `long-${index}@example.net`, { on_doubt: index % 2 === 0 ? "hold" : "resend" }),
    );
    const accepted = await sendEach(api, messages);
    await waitFor(() => relay.accepted.length === messages.length, { what: "every send to be under way", timeoutMs: 20_000, everyMs: 1 });
    // Started now, so that it takes no part in the first run.
    await start("worker");
    await proxy.refuse();
    proxy.cut();
    const cutAt = performance.now();
    // There are connections enough for a second run: whoever finds a dispatch busy puts its job off. The API tells dispatches, not jobs.
    const client = new Redis(redisUrl);
    atEnd(async () => client.disconnect());
    const putOff = async () => (await client.zcard("{postern:0}:queue:relay-default:delayed")) > 0;
    await waitFor(putOff, { what: "jobs to run a second time", timeoutMs: 30_000, everyMs: 20 });
    await proxy.accept();
    const awayMs = performance.now() - cutAt;
    replies.open();
    const accounts = await settleAccounts({ gateway: api, receipts: accepted.map(({ id }) => id), mails: () => relay.accepted });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    for (const { status, attempts, address } of accounts.recipients) assert.deepEqual([status, attempts], ["sent", 1], address);
    measured(`cut off for ${(awayMs / 1_000).toFixed(1)} s with a job lock of ${leaseMs / 2_000} s; ${accounts.inWords}`);
  },
);
