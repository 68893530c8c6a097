// Workers die between the ledger's change and the webhook's request, and between the request and the record of it.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { settleAccounts, subscribeToAll } from "../../support/faultAccounts.ts";
import { faultRow } from "../../support/faultRow.ts";
import { startGateway } from "../../support/gateway.ts";
import { sendBatches, testMessage } from "../../support/mailing.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";
import { type ReceivedRequest, startWebhookReceiver } from "../../support/webhookReceiver.ts";

const redis = await sharedRedis();

const idOf = ({ headers }: ReceivedRequest) => String(headers["webhook-id"]);

/** Requests to one webhook at a time, in the whole fleet. */
const inHand = 10;

faultRow(
  {
    row: "21",
    fault:
      "a worker is SIGKILLed while requests to the webhook are under way; the next one right after it has recorded a 250, before it told of it; the one after that while it catches up",
    invariant: "every event reaches the webhook, always with the same id and body; only what was in the dead workers' hands comes twice",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const relay = await startScriptedRelay({
      onRcpt: ({ address }) => (address.startsWith("gone") ? "550 5.1.1 User unknown" : undefined),
    });
    atEnd(relay.stop);
    const receiver = await startWebhookReceiver({ answer: () => ({ hang: true }) });
    atEnd(receiver.stop);
    const redisUrl = redis.freshUrl();
    const start = async (role: "api" | "worker") => {
      const gateway = await startGateway({
        env: { REDIS_URL: redisUrl, SMTP_URL: relay.url },
        config: "{ webhooks: { allow_private: true, timeout: 2s }, timeouts: { owner_lease: 2s }, retry: { schedule: [200ms] } }",
        args: ["--role", role],
      });
      atEnd(() => gateway.stop());
      return gateway;
    };
    const kill = async (worker: Awaited<ReturnType<typeof start>>) => {
      worker.kill("SIGKILL");
      await worker.exited;
    };
    const api = await start("api");
    const webhook = await subscribeToAll(api, receiver);
    const messages = (name: string) =>
      Array.from({ length: 50 }, (_, index) =>
        testMessage(`${name}-${index}`, `${index % 5 === 0 ? "gone" : "fine"}.${name}${index}@example.net`),
      );

    const first = await start("worker");
    const receipts = await sendBatches(api, messages("first"));
    await receiver.waitForRequests(inHand, 20_000);
    await kill(first);
    const taken = new Set<string>();
    receiver.answerWith((request) => {
      taken.add(idOf(request));
      return undefined;
    });

    receipts.push(...(await sendBatches(api, messages("second"))));
    const second = await start("worker");
    const accepted = relay.accepted.length;
    await waitFor(() => relay.accepted.length > accepted, { what: "mail to be taken", timeoutMs: 20_000, everyMs: 1 });
    await kill(second);

    const third = await start("worker");
    const requests = receiver.requests.length;
    await waitFor(() => receiver.requests.length > requests, { what: "events to be told", timeoutMs: 40_000, everyMs: 1 });
    await kill(third);
    await start("worker");
    // What was in a dead worker's hands is free again after two time-outs.
    const accounts = await settleAccounts({ gateway: api, receipts, mails: () => relay.accepted, webhook, timeoutMs: 60_000 });
    const allTaken = () => taken.size === accounts.events.length;
    await waitFor(allTaken, { what: "every event to be taken", timeoutMs: 60_000, everyMs: 50 });
    const repeated = receiver.requests.length - accounts.events.length;
    assert.ok(repeated >= inHand, "what was in the first worker's hands came again");
    assert.ok(repeated <= 3 * inHand, `${repeated} came again`);
    measured(`${accounts.events.length} events, each taken by the webhook, ${repeated} of them sent to it again; ${accounts.inWords}`);
  },
);
