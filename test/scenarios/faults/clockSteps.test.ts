// Clocks that are wrong by minutes, differently in each process, and step while mail waits for its time.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts, subscribeToAll } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { startGateway } from "../../support/gateway.ts";
import { headerOf } from "../../support/mailHeader.ts";
import { allSettled, sendBatches, testMessage } from "../../support/mailing.ts";
import { startRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";
import { startWebhookReceiver } from "../../support/webhookReceiver.ts";

const minuteMs = 60_000;
/** How late what waits for its time may come: a job may have been taken by somebody who looks again within a few seconds. */
const lateMsMax = 10_000;
/** The schedule's two seconds, less its jitter. */
const retryMsMin = 1_600;
const preload = new URL("../../support/shiftedClock.mjs", import.meta.url).href;

faultRow(
  {
    row: "23",
    fault: "the API's clock is 5 min fast, one worker's 5 min slow; another worker's steps by +5 min and then by -5 min, under load",
    invariant:
      "scheduled mail, retries and deadlines keep their times, by Redis' clock; nothing is lost, doubled or in doubt; webhooks' timestamps are right",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const redis = await startRedis();
    atEnd(redis.stop);
    const relay = await startScriptedRelay({
      onRcpt: ({ address, attempt }) => {
        if (address.startsWith("never")) return "450 4.2.1 Never";
        return address.startsWith("busy") && attempt === 1 ? "450 4.2.1 Busy" : undefined;
      },
      onData: () => ({ delayMs: 20 }),
    });
    atEnd(relay.stop);
    const receiver = await startWebhookReceiver();
    atEnd(receiver.stop);
    const start = async (role: "api" | "worker", offsetsMs: number[]) => {
      const gateway = await startGateway({
        env: {
          REDIS_URL: redis.url,
          SMTP_URL: `${relay.url}?connections=5`,
          NODE_OPTIONS: `--import ${preload}`,
          CLOCK_OFFSETS_MS: offsetsMs.join(),
        },
        config: "{ webhooks: { allow_private: true }, retry: { schedule: [2s] } }",
        args: ["--role", role],
      });
      atEnd(() => gateway.stop());
      return gateway;
    };
    const [api, , stepping] = await Promise.all([
      start("api", [5 * minuteMs]),
      start("worker", [-5 * minuteMs]),
      start("worker", [0, 5 * minuteMs, -5 * minuteMs]),
    ]);
    const webhook = await subscribeToAll(api, receiver);
    const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
    const run = async (name: string) => {
      const sendAt = inMs(5_000);
      return sendBatches(api, [
        ...Array.from({ length: 60 }, (_, index) => testMessage(`${name}-now-${index}`, `${name}${index}@example.net`)),
        ...Array.from({ length: 30 }, (_, index) => testMessage(`${name}-busy-${index}`, `busy${name}${index}@example.net`)),
        ...Array.from({ length: 30 }, (_, index) =>
          testMessage(`${name}-later-${index}`, `${name}l${index}@example.net`, { send_at: sendAt }),
        ),
        testMessage(`${name}-never`, `never${name}@example.net`, { expires_after: "3s" }),
      ]);
    };

    const first = await run("first");
    stepping.kill("SIGWINCH");
    const second = await run("second");
    await waitFor(() => relay.accepted.length >= 150, { what: "work to be under way", timeoutMs: 20_000 });
    stepping.kill("SIGWINCH");
    const third = await run("third");

    const ids = [...first, ...second, ...third];
    await allSettled(api, ids, 30_000);
    const accounts = await settleAccounts({ gateway: api, receipts: ids, mails: () => relay.accepted, webhook });
    assert.deepEqual([accounts.doubled, accounts.flagged], [[], []]);

    const deferredAt = new Map(
      accounts.events.flatMap(({ type, timestamp, data }) =>
        type === "message.deferred" ? [[data.message_id, Date.parse(timestamp)]] : [],
      ),
    );
    const mailAt = new Map(relay.accepted.map(({ raw, at }) => [headerOf(raw, "message-id"), at]));
    const lateMs: number[] = [];
    for (const message of accounts.messages) {
      const [recipient] = message.recipients;
      const sentAt = mailAt.get(message.internet_message_id) ?? Number.NaN;
      if (message.subject.includes("never")) {
        assert.equal(recipient?.category, "expired");
        lateMs.push(Date.parse(recipient?.updated_at ?? "") - Date.parse(message.expires_at));
      } else if (message.send_at !== null) lateMs.push(sentAt - Date.parse(message.send_at));
      else if (message.subject.includes("busy")) lateMs.push(sentAt - (deferredAt.get(message.id) ?? Number.NaN) - retryMsMin);
    }
    assert.equal(lateMs.length, 3 * 61);
    for (const ms of lateMs) assert.ok(ms >= -250 && ms < lateMsMax, `something came ${ms} ms after its time`);
    measured(
      `${lateMs.length} things that waited came at most ${Math.round(Math.max(...lateMs))} ms after their time; ${accounts.inWords}`,
    );
  },
);
