// Fault 17: SIGTERM, as every deployment sends it. What is under way ends and is recorded, everything else waits for the next start.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type AtEnd, atEndOf } from "../../support/atEnd.ts";
import { type FaultAccounts, settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { freePort } from "../../support/freePort.ts";
import { sendBatches, testMessage } from "../../support/mailing.ts";
import { startProxy, type TcpProxy } from "../../support/proxy.ts";
import { sharedRedis } from "../../support/redis.ts";
import { openBooks, startRush } from "../../support/rush.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";
import { startFaultGateway, startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

const config = { timeouts: { owner_lease: "2s" }, retry: { schedule: ["200ms"] } };
const connections = 10;
/** What orchestrators give a process between SIGTERM and SIGKILL. */
const graceMs = 30_000;

/** A relay whose replies come as late as `delayMs` says at the moment. */
async function startSlowRelay(atEnd: AtEnd) {
  const pace = { delayMs: 30 };
  const relay = await startScriptedRelay({ onData: () => ({ delayMs: pace.delayMs }) });
  atEnd(relay.stop);
  return { pace, relay };
}

faultRow(
  {
    row: "17a",
    fault: "SIGTERM in the middle of the load: callers post, hundreds of messages wait, every connection awaits a late reply",
    invariant:
      "readiness goes off and can be asked for to the end, what is under way is sent and recorded, the process ends with 0 within its grace period; 0 duplicates",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const { pace, relay } = await startSlowRelay(atEnd);
    const env = { REDIS_URL: redis.freshUrl(), SMTP_URL: `${relay.url}?connections=${connections}` };
    const first = await startWatched(atEnd, { env: { ...env, METRICS_PORT: String(await freePort()) }, config });
    const { gateway, webhook } = first;
    const waiting = Array.from({ length: 500 }, (_, index) => testMessage(`m${index}`, `r${index}@example.net`));
    const ids = await sendBatches(gateway, waiting);
    const books = openBooks();
    const rush = startRush({ gateway, books, name: "rush", clients: 4 });
    await waitFor(() => relay.accepted.length >= 100, { what: "the middle of the work", timeoutMs: 30_000, everyMs: 1 });
    pace.delayMs = 2_000;
    const slowOnes = relay.accepted.length + connections;
    await waitFor(() => relay.accepted.length >= slowOnes, {
      what: "every connection to wait for a late reply",
      timeoutMs: 30_000,
      everyMs: 1,
    });

    const stoppedAt = Date.now();
    gateway.kill("SIGTERM");
    const readiness: number[] = [];
    let lastAnswerAt = 0;
    let hasEnded = false;
    const look = async () => {
      while (!hasEnded) {
        const answer = await fetch(`${gateway.metricsUrl}/readyz`, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
        if (answer) readiness.push(answer.status);
        if (answer) lastAnswerAt = Date.now();
        if (answer?.status === 503) assert.match(await answer.text(), /stopping/);
        await sleep(10);
      }
    };
    const ended = gateway.exited.finally(() => {
      hasEnded = true;
    });
    const looking = look();
    const exit = await ended;
    const endedAt = Date.now();
    const tookMs = endedAt - stoppedAt;
    await looking;
    await rush.stop();
    assert.deepEqual(exit, { code: 0, signal: null });
    assert.ok(tookMs < graceMs / 2, `the stop took ${tookMs} ms`);
    const offFrom = readiness.indexOf(503);
    assert.ok(offFrom >= 0 && readiness.slice(offFrom).every((status) => status === 503), `readiness: ${readiness.join(" ")}`);
    assert.ok(endedAt - lastAnswerAt < 1_000, `nothing was answered for the last ${endedAt - lastAnswerAt} ms`);
    const sentBefore = relay.accepted.length;
    const receipts = [...ids, ...books.receipts.values()];
    assert.ok(sentBefore < receipts.length, "it was stopped in the middle");

    pace.delayMs = 0;
    const second = await startFaultGateway(atEnd, { env: { ...env, POSTERN_API_KEY: gateway.apiKey }, config });
    const accounts = await settleAccounts({ gateway: second, webhook, receipts, mails: () => relay.accepted });
    for (const { status, attempts, copies, flagged, subject } of accounts.recipients) {
      assert.deepEqual({ status, attempts, copies, flagged }, { status: "sent", attempts: 1, copies: 1, flagged: false }, subject);
    }
    measured(`${accounts.inWords}; stopped in ${tookMs} ms with ${sentBefore} of ${receipts.length} sent`);
  },
);

const awayIn: Record<string, (proxy: TcpProxy) => Promise<void>> = {
  silent: async (proxy) => proxy.pause(),
  refusing: async (proxy) => {
    await proxy.refuse();
    proxy.cut();
  },
};

/** One process that is told to stop while its Redis is away, with relays' late replies under way, and the next one after it. */
async function stopWithoutRedis(atEnd: AtEnd, leave: (proxy: TcpProxy) => Promise<void>): Promise<FaultAccounts & { tookMs: number }> {
  const { pace, relay } = await startSlowRelay(atEnd);
  const proxy = await startProxy({ target: { port: redis.port } });
  atEnd(proxy.stop);
  const direct = redis.freshUrl();
  const env = { REDIS_URL: direct.replace(`:${redis.port}`, `:${proxy.port}`), SMTP_URL: `${relay.url}?connections=${connections}` };
  const { gateway, webhook } = await startWatched(atEnd, { env, config });
  const messages = Array.from({ length: 200 }, (_, index) => testMessage(`m${index}`, `r${index}@example.net`));
  const receipts = await sendBatches(gateway, messages);
  await waitFor(() => relay.accepted.length >= 50, { what: "the middle of the work", timeoutMs: 30_000, everyMs: 1 });
  pace.delayMs = 1_000;
  const slowOnes = relay.accepted.length + connections;
  await waitFor(() => relay.accepted.length >= slowOnes, {
    what: "every connection to wait for a late reply",
    timeoutMs: 30_000,
    everyMs: 1,
  });
  await leave(proxy);
  const stoppedAt = Date.now();
  gateway.kill("SIGTERM");
  assert.deepEqual(await gateway.exited, { code: 0, signal: null });
  const tookMs = Date.now() - stoppedAt;
  assert.ok(tookMs < graceMs, `the stop took ${tookMs} ms`);

  pace.delayMs = 0;
  const second = await startFaultGateway(atEnd, { env: { ...env, REDIS_URL: direct, POSTERN_API_KEY: gateway.apiKey }, config });
  const accounts = await settleAccounts({ gateway: second, webhook, receipts, mails: () => relay.accepted, timeoutMs: 120_000 });
  assert.ok(accounts.recipients.every(({ status }) => status === "sent"));
  // A transaction on each connection, and one for each that was just being recorded.
  assert.ok(accounts.flagged.length <= 2 * connections, `${accounts.flagged.length} recipients are in doubt`);
  return { ...accounts, tookMs };
}

faultRow(
  {
    row: "17b",
    fault: "SIGTERM while Redis is away, silent or refusing, with sends under way whose outcome nobody can record",
    invariant: "the process ends with 0 within its grace period all the same; nothing is lost; only what was under way is flagged",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const told = await Promise.all(
      Object.entries(awayIn).map(async ([name, leave]) => {
        const { inWords, tookMs } = await stopWithoutRedis(atEnd, leave);
        return `${name}: stopped in ${tookMs} ms, ${inWords}`;
      }),
    );
    measured(told.join("; "));
  },
);
