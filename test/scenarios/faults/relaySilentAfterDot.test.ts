// A relay that scans every mail before it answers: the final dot is minutes old when the 250 comes.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { installationOf } from "../../support/installation.ts";
import { sendEach, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";

const redis = await sharedRedis();

/** A tenth of the lease of a real installation or less: with the defaults these are 5 min of silence, and 10 min of patience. */
const leaseMs = 1_000;
const silentMs = 5 * leaseMs;

faultRow(
  {
    row: "8",
    fault: `the relay is silent for ${silentMs / leaseMs} leases after the final dot (5 min with the defaults), then answers 250; two workers are at work`,
    invariant: "each is sent once, at its first attempt, and nothing is in doubt",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const relay = await startScriptedRelay({ onData: () => ({ delayMs: silentMs }) });
    atEnd(relay.stop);
    const start = installationOf(atEnd, {
      env: { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url },
      config: `timeouts: { owner_lease: ${leaseMs}ms, command: ${leaseMs}ms, after_dot: ${2 * silentMs}ms }`,
    });
    const [api] = await Promise.all([start("api"), start("worker"), start("worker")]);
    const messages = Array.from({ length: 10 }, (_, index) =>
      testMessage(`slow-${index}`, `slow-${index}@example.net`, { on_doubt: index % 2 === 0 ? "hold" : "resend" }),
    );
    const accepted = await sendEach(api, messages);
    const accounts = await settleAccounts({ gateway: api, receipts: accepted.map(({ id }) => id), mails: () => relay.accepted });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    for (const { status, attempts, address } of accounts.recipients) assert.deepEqual([status, attempts], ["sent", 1], address);
    measured(`250 after ${silentMs / leaseMs} leases and ${(2 * silentMs) / leaseMs} job locks; ${accounts.inWords}`);
  },
);
