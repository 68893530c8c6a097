// A deployment: new processes start beside the old ones, which are then told to stop, one after the other, under load.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts, subscribeToAll } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { type Gateway, startGateway } from "../../support/gateway.ts";
import { sharedRedis } from "../../support/redis.ts";
import { openBooks, type Rush, startRush } from "../../support/rush.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { startWebhookReceiver } from "../../support/webhookReceiver.ts";

const redis = await sharedRedis();

const rounds = 2;
/** How long the last events may take to their webhook: as long as in any other hour. */
const toldMsMax = 15_000;

faultRow(
  {
    row: "24",
    fault: `a rolling restart, ${rounds} times over: a new API and a new worker start beside the old ones, which get SIGTERM under load`,
    invariant:
      "every request that was taken is answered; 0 lost, 0 doubled, nothing in doubt; every process ends with 0; every event is told within seconds",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const relay = await startScriptedRelay({ onData: () => ({ delayMs: 20 }) });
    atEnd(relay.stop);
    const receiver = await startWebhookReceiver();
    atEnd(receiver.stop);
    const env = { REDIS_URL: redis.freshUrl(), SMTP_URL: `${relay.url}?connections=5` };
    const start = async (role: "api" | "worker") => {
      const gateway = await startGateway({ env, config: "webhooks: { allow_private: true }", args: ["--role", role] });
      atEnd(() => gateway.stop());
      return gateway;
    };
    const startPair = async () => {
      const [api, worker] = await Promise.all([start("api"), start("worker")]);
      return { api, worker };
    };
    let stopMsMax = 0;
    const end = async (gateway: Gateway) => {
      const stoppedAt = Date.now();
      gateway.kill("SIGTERM");
      assert.deepEqual(await gateway.exited, { code: 0, signal: null });
      stopMsMax = Math.max(stopMsMax, Date.now() - stoppedAt);
    };

    let { api, worker } = await startPair();
    const webhook = await subscribeToAll(api, receiver);
    const books = openBooks();
    let rush: Rush = startRush({ gateway: api, books, name: "round0", clients: 2 });
    await rush.untilReceipts(50);
    for (let round = 1; round <= rounds; round++) {
      const next = await startPair();
      const nextRush = startRush({ gateway: next.api, books, name: `round${round}`, clients: 2 });
      await nextRush.untilReceipts(50);
      // The callers of the old API go on until it is gone.
      await Promise.all([end(api), end(worker)]);
      await rush.stop();
      ({ api, worker } = next);
      rush = nextRush;
      await rush.untilReceipts(50);
    }
    await rush.stop();
    const accounts = await settleAccounts({
      ...{ gateway: api, receipts: books.receipts.values(), mails: () => relay.accepted, webhook },
      timeoutMs: toldMsMax,
    });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);
    assert.equal(accounts.messages.length, books.receipts.size, "a request was carried out, and its caller was never told");
    assert.ok(accounts.recipients.every(({ attempts }) => attempts === 1));
    measured(
      `${books.receipts.size} receipts over ${rounds + 1} generations, ${books.refused.size} times 503, slowest answer ${Math.round(books.slowestMs)} ms, slowest stop ${stopMsMax} ms; ${accounts.inWords}`,
    );
  },
);
