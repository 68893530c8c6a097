// Promise 2: nothing is lost, little is doubled, what may be doubled says so, and what asked to hold is never doubled.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type AtEnd, atEndOf } from "../support/atEnd.ts";
import { startGateway } from "../support/gateway.ts";
import { headerOf } from "../support/mailHeader.ts";
import { allEvents, allSettled, expectedOf, sendBatches, testMessage } from "../support/mailing.ts";
import { reconcile } from "../support/reconcile.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";

const redis = await sharedRedis();

const config = "{ timeouts: { owner_lease: 2s }, retry: { schedule: [200ms] } }";
const connections = 10;

/** 1,000 messages of two recipients; every fifth asks to hold at a doubt. */
const messages = Array.from({ length: 1_000 }, (_, index) => {
  const to = [`a${index}@example.net`, `b${index}@example.org`];
  return testMessage(`m${index}`, to, { on_doubt: index % 5 === 0 ? "hold" : "resend" });
});

/** An API with all messages queued, before a relay that takes a moment for each. */
async function startQueued(atEnd: AtEnd) {
  const relay = await startScriptedRelay({ onData: () => ({ delayMs: 10 }) });
  atEnd(relay.stop);
  const env = { REDIS_URL: redis.freshUrl(), SMTP_URL: `${relay.url}?connections=${connections}` };
  const start = async (role: "api" | "worker") => {
    const gateway = await startGateway({ env, config, args: ["--role", role] });
    atEnd(() => gateway.stop());
    return gateway;
  };
  const api = await start("api");
  const ids = await sendBatches(api, messages);
  const untilSent = (count: number) =>
    waitFor(() => relay.accepted.length >= count, { what: `${count} mails at the relay`, timeoutMs: 30_000, everyMs: 1 });
  return { relay, api, ids, untilSent, startWorker: () => start("worker") };
}

/** What happened to one recipient, from both ends. */
type Account = { address: string; holds: boolean; copies: number; status: string; flagged: boolean };

/**
 * Waits until all is settled, and checks every recipient's account. Those that hold have one copy at most, and `unknown` is their word for
 * a doubt; the others have one at least, and more only where the status says so. `inDoubtMax`: how many recipients may be in doubt.
 */
async function assertAccounts(
  { relay, api, ids }: Awaited<ReturnType<typeof startQueued>>,
  inDoubtMax: number,
): Promise<{ flagged: number; doubled: number; unknown: number }> {
  const settled = await allSettled(api, ids);
  const { lost, doubled, unexpected } = reconcile({ expected: expectedOf(messages), mails: relay.accepted });
  assert.deepEqual(unexpected, []);
  const copies = new Map([
    ...lost.map(({ recipient }) => [recipient, 0] as const),
    ...doubled.map((it) => [it.recipient, it.copies] as const),
  ]);
  const accounts = settled.flatMap(({ recipients }, index): Account[] =>
    recipients.map(({ address, status, possible_duplicate: flagged }) => ({
      ...{ address, status, flagged },
      holds: index % 5 === 0,
      copies: copies.get(address) ?? 1,
    })),
  );
  for (const account of accounts) {
    const { holds, copies: count, status, flagged } = account;
    if (status === "sent") assert.ok(count === 1 || (count > 1 && count <= 3 && flagged && !holds), JSON.stringify(account));
    else assert.ok(status === "unknown" && holds && count <= 1 && flagged, JSON.stringify(account));
  }
  const flagged = accounts.filter((account) => account.flagged);
  assert.ok(flagged.length <= inDoubtMax, `${flagged.length} recipients are in doubt`);
  const sentEvents = (await allEvents(api)).filter(({ type }) => type === "message.sent");
  const sent = accounts.filter(({ status }) => status === "sent");
  assert.deepEqual(
    sentEvents.map(({ data }) => `${data.recipient} ${data.possible_duplicate}`).toSorted(),
    sent.map((account) => `${account.address} ${account.flagged}`).toSorted(),
    "one event for each recipient that was sent to, which says the same",
  );

  // A double is the same mail: a receiver can tell by its Message-ID.
  const bytes = new Map<string, Buffer>();
  for (const { raw } of relay.accepted) {
    const messageId = headerOf(raw, "message-id") ?? "";
    assert.ok((bytes.get(messageId) ?? raw).equals(raw), `two copies of ${messageId} differ`);
    bytes.set(messageId, raw);
  }
  return { flagged: flagged.length, doubled: doubled.length, unknown: accounts.length - sent.length };
}

test("of 1,000 queued messages none is lost when workers are killed again and again; only what was in flight may be doubled, flagged", async (t) => {
  const atEnd = atEndOf(t);
  const run = await startQueued(atEnd);
  const kills = 3;
  for (let kill = 1; kill <= kills; kill++) {
    const worker = await run.startWorker();
    await run.untilSent(kill * 200);
    worker.kill("SIGKILL");
    await worker.exited;
  }
  assert.ok(run.relay.accepted.length < 1_000, "the workers were killed in the middle");
  await run.startWorker();
  // In doubt can be a transaction on each connection, and one for each that was just being recorded.
  const found = await assertAccounts(run, kills * 2 * 2 * connections);
  t.diagnostic(`${run.relay.accepted.length} mails; ${JSON.stringify(found)}`);
});

test("a worker that is frozen past its lease and comes back doubles nothing unsaid, and nothing at all that holds", async (t) => {
  const atEnd = atEndOf(t);
  const run = await startQueued(atEnd);
  const frozen = await run.startWorker();
  await run.untilSent(200);
  frozen.kill("SIGSTOP");
  await run.startWorker();
  // All but what the frozen one held in doubt and must be held, then nothing is under way: the other one has taken it all over.
  await run.untilSent(1_000 - 2 * connections);
  const nothingUnderWay = async () => {
    const { body } = await run.api.get<{ data: unknown[] }>("/v1/messages?status=sending");
    return body.data.length === 0;
  };
  await waitFor(nothingUnderWay, { what: "nothing to be under way", timeoutMs: 20_000, everyMs: 50 });
  frozen.kill("SIGCONT");
  const found = await assertAccounts(run, 2 * 2 * connections);
  // It works as before: what comes now may be its own.
  const [id] = await sendBatches(run.api, [testMessage("after", "after@example.net")]);
  assert.equal((await run.api.messageSettled(id ?? "")).status, "sent");
  t.diagnostic(`${run.relay.accepted.length} mails; ${JSON.stringify(found)}`);
});
