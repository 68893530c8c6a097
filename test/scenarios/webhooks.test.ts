// Promise 4: every fact is one event; webhooks, the event stream and polling all tell the same, each event once or with the same id.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Webhook as SvixWebhook } from "svix";
import type { EventView } from "../../src/domain/eventView.ts";
import { type AtEnd, atEndOf } from "../support/atEnd.ts";
import { openEventStream } from "../support/eventStream.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { allEvents, allSettled, sendEach, testMessage } from "../support/mailing.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";
import { type ReceivedRequest, startWebhookReceiver, verifyRequest } from "../support/webhookReceiver.ts";

const redis = await sharedRedis();

const config = "{ webhooks: { allow_private: true }, retry: { schedule: [200ms] } }";

/** A relay that knows some recipients, puts off others once, and an API and workers before it, as processes of their own. */
async function startAll(atEnd: AtEnd) {
  const relay = await startScriptedRelay({
    onRcpt: ({ address, attempt }) => {
      if (address.startsWith("gone")) return "550 5.1.1 User unknown";
      return address.startsWith("busy") && attempt === 1 ? "450 4.2.1 Busy" : undefined;
    },
  });
  atEnd(relay.stop);
  const env = { REDIS_URL: redis.freshUrl(), SMTP_URL: relay.url };
  const start = async (role: "api" | "worker") => {
    const gateway = await startGateway({ env, config, args: ["--role", role] });
    atEnd(() => gateway.stop());
    return gateway;
  };
  const [api] = await Promise.all([start("api"), start("worker")]);
  return { api, startWorker: () => start("worker") };
}

/** 50 messages; their events are of four kinds. Resolves when they are settled. */
async function sendFifty(api: Gateway, name: string): Promise<void> {
  const kinds = ["fine", "busy", "gone", "fine", "fine"];
  const messages = Array.from({ length: 50 }, (_, index) =>
    testMessage(`${name}-${index}`, `${kinds[index % 5]}.${name}.${index}@example.net`, {
      tags: ["fifty"],
      metadata: { number: `${index}` },
    }),
  );
  const accepted = await sendEach(api, messages);
  await allSettled(
    api,
    accepted.map(({ id }) => id),
  );
}

async function createWebhook(api: Gateway, url: string, events: string[]): Promise<string> {
  const { status, body } = await api.post<{ id: string; secret: string }>("/v1/webhooks", { url, events });
  assert.equal(status, 201, JSON.stringify(body));
  return body.secret;
}

const idOf = ({ headers }: ReceivedRequest) => String(headers["webhook-id"]);

/** Checks the signature by both libraries, and that the body is that very event of the log. */
function assertGenuine(request: ReceivedRequest, secret: string, log: ReadonlyMap<string, EventView>): void {
  const verified = verifyRequest(request, secret);
  assert.deepEqual(new SvixWebhook(secret).verify(request.body, request.headers as Record<string, string>), verified);
  const event = log.get(idOf(request));
  assert.ok(event, `there is no event ${idOf(request)}`);
  const { id, ...body } = event;
  assert.deepEqual(verified, body);
  assert.equal(id, body.data.id);
}

// What is waited for here is the clock, so the tests may wait at the same time.
describe("every event is told", { concurrency: true }, () => {
  test("to a webhook once, and only of the types that it asked for", async (t) => {
    const atEnd = atEndOf(t);
    const { api } = await startAll(atEnd);
    const receiver = await startWebhookReceiver();
    atEnd(receiver.stop);
    const secret = await createWebhook(api, receiver.url, ["message.sent", "message.bounced"]);
    await sendFifty(api, "types");
    const events = (await allEvents(api)).filter(({ type }) => type === "message.sent" || type === "message.bounced");
    assert.equal(events.length, 50);
    await receiver.waitForRequests(50, 20_000);
    const log = new Map(events.map((event) => [event.id, event]));
    for (const request of receiver.requests) assertGenuine(request, secret, log);
    assert.deepEqual(receiver.requests.map(idOf).toSorted(), [...log.keys()].toSorted());
  });

  test("on the event stream, without a gap and without a double over a broken connection; the pages of the log are the same sequence", async (t) => {
    const atEnd = atEndOf(t);
    const { api, startWorker } = await startAll(atEnd);
    // 0: from the beginning of the log.
    const first = await openEventStream(api, "0");
    const rush = sendFifty(api, "stream");
    await waitFor(() => first.events.length >= 30, { what: "the first events", timeoutMs: 20_000, everyMs: 1 });
    first.close();
    await first.ended;
    const second = await openEventStream(api, first.events.at(-1)?.id);
    await rush;
    const events = await allEvents(api);
    await waitFor(() => first.events.length + second.events.length >= events.length, { what: "the rest of the events", timeoutMs: 20_000 });
    // The stream has caught up; what comes now comes live, and from two workers.
    await startWorker();
    await sendFifty(api, "live");
    const all = await allEvents(api);
    assert.equal(all.length, 240);
    await waitFor(() => first.events.length + second.events.length >= all.length, { what: "the live events", timeoutMs: 20_000 });
    second.close();
    await second.ended;
    const streamed = [...first.events, ...second.events];
    assert.deepEqual(
      streamed.map(({ id, event, data }) => ({ id, event, data: JSON.parse(data) })),
      all.map((event) => ({ id: event.id, event: event.type, data: event })),
    );
    const sequences = all.map(({ data }) => data.sequence);
    assert.deepEqual(
      sequences,
      sequences.toSorted((one, other) => one - other),
    );
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  });
});
