// Fault 9: bursts of 421 and 454. The relay has too much to do, or wants us to go slower: nobody is to blame, and nothing is hurried.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { sendBatches, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { startSink } from "../../support/sink.ts";
import { waitFor } from "../../support/waitFor.ts";
import { relayForEachDomain, startWatched } from "./watchedGateway.ts";

const redis = await sharedRedis();

const config = { retry: { schedule: ["100ms", "300ms", "900ms", "2700ms"], expire_after: "2m" } };

/** What smtp-sink answers as long as it is busy, by the name of the relay. */
const busy: Record<string, string[]> = {
  leaves: ["-Q", "CONNECT"],
  leavesmail: ["-Q", "MAIL"],
  busymail: ["-r", "MAIL", "-b", "454 4.7.0 Too many messages, slow down"],
  busydot: ["-r", ".", "-b", "454 Throttling failure: Maximum sending rate exceeded."],
};
const messagesEach = 15;
const burstMs = 3_000;

faultRow(
  {
    row: "9a",
    fault: "relays that answer every connection with 421, every MAIL with 421 or 454, or every mail with 454, for 3 s",
    invariant:
      "no message fails or is doubled; a message whose first retry comes after 0.1 s is tried ten times at most; all is sent once the relays are free",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const sinks = await Promise.all(
      Object.entries(busy).map(async ([name, flags]) => {
        const sink = await startSink({ flags });
        atEnd(sink.stop);
        return [name, sink] as const;
      }),
    );
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl() },
      config: { ...config, ...relayForEachDomain(Object.fromEntries(sinks.map(([name, { port }]) => [name, { port, connections: 5 }]))) },
    });
    const messages = sinks.flatMap(([name]) =>
      Array.from({ length: messagesEach }, (_, index) => testMessage(`${name}-${index}`, `r${index}@${name}.test`)),
    );
    const receipts = await sendBatches(gateway, messages);
    const firstRefusal = async () => {
      const { body } = await gateway.get<{ data: { timestamp: string }[] }>("/v1/events?type=message.deferred&limit=1");
      return body.data[0];
    };
    const beganAt = Date.parse((await waitFor(firstRefusal, { what: "the first refusal", timeoutMs: 30_000 })).timestamp);
    await waitFor(() => Date.now() > beganAt + burstMs, { what: "the burst to be over", timeoutMs: 2 * burstMs });
    const free = await Promise.all(
      sinks.map(async ([, busySink]) => {
        await busySink.stop();
        const sink = await startSink({ port: busySink.port });
        atEnd(sink.stop);
        return sink;
      }),
    );
    const freeAt = Date.now();
    const mails = async () => (await Promise.all(free.map((sink) => sink.received()))).flat();
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails });
    assert.ok(accounts.recipients.every(({ status, copies, flagged }) => status === "sent" && copies === 1 && !flagged));
    const attemptsMax = Math.max(...accounts.recipients.map(({ attempts }) => attempts));
    assert.ok(attemptsMax <= 10, `a message was tried ${attemptsMax} times`);
    const refusals = accounts.events.filter(({ type }) => type === "message.deferred").length;
    const sentAt = accounts.events.filter(({ type }) => type === "message.sent").map(({ timestamp }) => Date.parse(timestamp));
    const restMs = Math.max(...sentAt) - freeAt;
    measured(
      `${accounts.inWords}; ${refusals} refusals, at most ${attemptsMax} attempts for a message; all sent ${restMs} ms after the relays were free`,
    );
  },
);

const ratePerSecond = 25;

faultRow(
  {
    row: "9b",
    fault: "a relay that takes 25 mails a second and answers all above that with 454, while 100 messages wait",
    invariant: "no message fails or is doubled, and the relay has to refuse three times as many as it takes at most",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const seconds = new Map<number, number>();
    let refusals = 0;
    const relay = await startScriptedRelay({
      onData: () => {
        const second = Math.floor(Date.now() / 1_000);
        const count = (seconds.get(second) ?? 0) + 1;
        seconds.set(second, count);
        if (count <= ratePerSecond) return undefined;
        refusals += 1;
        return "454 Throttling failure: Maximum sending rate exceeded.";
      },
    });
    atEnd(relay.stop);
    const { gateway, webhook } = await startWatched(atEnd, {
      env: { REDIS_URL: redis.freshUrl(), SMTP_URL: `${relay.url}?connections=10` },
      config,
    });
    const messages = Array.from({ length: 100 }, (_, index) => testMessage(`m${index}`, `r${index}@example.net`));
    const receipts = await sendBatches(gateway, messages);
    const accounts = await settleAccounts({ gateway, webhook, receipts, mails: () => relay.accepted });
    assert.ok(accounts.recipients.every(({ status, copies, flagged }) => status === "sent" && copies === 1 && !flagged));
    assert.ok(refusals > 0 && refusals <= 3 * messages.length, `${refusals} refusals for ${messages.length} mails`);
    const acceptedAt = relay.accepted.map(({ at }) => at);
    const tookMs = Math.max(...acceptedAt) - Math.min(...acceptedAt);
    measured(`${accounts.inWords}; ${refusals} refusals for 100 mails; all sent within ${Math.round(tookMs / 100) / 10} s`);
  },
);
