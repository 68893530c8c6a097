// Workers die in the middle of much work, at whatever moment, or come back from the dead.
import assert from "node:assert/strict";
import { type AtEnd, atEndOf } from "../../support/atEnd.ts";
import { type FaultAccounts, settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { installationOf } from "../../support/installation.ts";
import { sendBatches, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";

const redis = await sharedRedis();

const connections = 10;

const count = 500;
/** Of two recipients each; every fifth asks to hold at a doubt. */
const messages = Array.from({ length: count }, (_, index) => {
  const on_doubt = index % 5 === 0 ? "hold" : "resend";
  return testMessage(`m${index}`, [`${on_doubt}.${index}@example.net`, `${on_doubt}.${index}@example.org`], { on_doubt });
});

/** An API with all messages queued, before a relay that takes a moment for each. */
async function startQueued(atEnd: AtEnd) {
  const relay = await startScriptedRelay({ onData: () => ({ delayMs: 10 }) });
  atEnd(relay.stop);
  const start = installationOf(atEnd, {
    env: { REDIS_URL: redis.freshUrl(), SMTP_URL: `${relay.url}?connections=${connections}` },
    config: "{ timeouts: { owner_lease: 2s }, retry: { schedule: [200ms] } }",
  });
  const api = await start("api");
  const ids = await sendBatches(api, messages);
  const untilSent = (mails: number) =>
    waitFor(() => relay.accepted.length >= mails, { what: `${mails} mails at the relay`, timeoutMs: 30_000, everyMs: 1 });
  return { relay, api, ids, untilSent, startWorker: () => start("worker") };
}

/**
 * Only so many were in flight that they may be in doubt; what asked to hold is not doubled, and is unknown where it is in doubt, unless a
 * worker that comes back knows of a 250.
 */
function assertInFlightAtMost(recipientsMax: number, { recipients, flagged }: FaultAccounts): number {
  for (const account of recipients) {
    const holds = account.address.startsWith("hold");
    if (holds) assert.ok(account.copies <= 1, JSON.stringify(account));
    if (account.status !== "sent") assert.ok(account.status === "unknown" && holds, JSON.stringify(account));
  }
  assert.ok(flagged.length <= recipientsMax, `${flagged.length} recipients are in doubt`);
  return recipients.filter(({ status }) => status === "unknown").length;
}

faultRow(
  {
    row: "6c",
    fault: `workers are SIGKILLed again and again with ${count} messages queued`,
    invariant: "none is lost; only what was in flight may be doubled, and is flagged; what asked to hold never is",
  },
  async (t, measured) => {
    const { relay, api, ids, untilSent, startWorker } = await startQueued(atEndOf(t));
    const kills = 3;
    for (let kill = 1; kill <= kills; kill++) {
      const worker = await startWorker();
      await untilSent(kill * 100);
      worker.kill("SIGKILL");
      await worker.exited;
    }
    assert.ok(relay.accepted.length < count, "the workers were killed in the middle");
    await startWorker();
    const accounts = await settleAccounts({ gateway: api, receipts: ids, mails: () => relay.accepted });
    // In doubt can be a transaction on each connection, and one for each that was just being recorded.
    const unknown = assertInFlightAtMost(kills * 2 * 2 * connections, accounts);
    measured(`${kills} kills; ${accounts.inWords}, ${unknown} held as unknown`);
  },
);

faultRow(
  {
    row: "18b",
    fault: "a worker is frozen for longer than its lease with sends under way, another takes over, and the first comes back",
    invariant: "none is lost; only what was in flight may be doubled, and is flagged; what asked to hold never is",
  },
  async (t, measured) => {
    const { relay, api, ids, untilSent, startWorker } = await startQueued(atEndOf(t));
    const frozen = await startWorker();
    await untilSent(100);
    frozen.kill("SIGSTOP");
    await startWorker();
    // All but what the frozen one held in doubt and must be held, then nothing is under way: the other one has taken it all over.
    await untilSent(count - 2 * connections);
    const nothingUnderWay = async () => {
      const { body } = await api.get<{ data: unknown[] }>("/v1/messages?status=sending");
      return body.data.length === 0;
    };
    await waitFor(nothingUnderWay, { what: "nothing to be under way", timeoutMs: 20_000, everyMs: 50 });
    frozen.kill("SIGCONT");
    // It works as before: what comes now may be its own.
    const after = await sendBatches(api, [testMessage("after", "after@example.net")]);
    const accounts = await settleAccounts({ gateway: api, receipts: [...ids, ...after], mails: () => relay.accepted });
    const unknown = assertInFlightAtMost(2 * 2 * connections, accounts);
    measured(`${accounts.inWords}, ${unknown} held as unknown`);
  },
);
