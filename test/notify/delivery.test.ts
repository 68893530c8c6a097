import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook as SvixWebhook } from "svix";
import { eventId } from "../../src/domain/events.ts";
import { firstLineOf, secondLineOf } from "../../src/store/document.ts";
import { createLedger } from "../../src/store/ledger.ts";
import { draft } from "../store/ledgerForTests.ts";
import { sharedRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { startWebhookReceiver, verifyRequest } from "../support/webhookReceiver.ts";
import { openWebhooks } from "./notifyForTests.ts";

const redis = await sharedRedis();

test("an event reaches its webhook signed as Standard Webhooks says, in the contract's shape", async (t) => {
  const receiver = await startWebhookReceiver({ answer: () => ({ body: "thanks\u0000 a\nlot", status: 200 }) });
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook, secret } = await own.webhook(receiver.url);
  await own.start();
  const messageId = `msg_${"0".repeat(26)}`;
  const { record, ...state } = draft({ clock: own.connection.clock }, { record: { tags: ["welcome"], metadata: { user: "ü" } } });
  const first = firstLineOf(record, { ...state, expires_at: state.expiresAt, attempts: 0 });
  await own.connection.redis.set(own.connection.keys.message(messageId), `${first}\n${secondLineOf(record)}`);
  const event = await own.append({
    type: "message.bounced",
    message_id: messageId,
    recipient: "a@example.com",
    status: "bounced",
    attempt: 1,
    relay: "default",
    reply: { code: 550, enhanced: "5.1.1", text: "no such user" },
    category: "invalid_recipient",
    hard_bounce: true,
  });
  const [request] = await receiver.waitForRequests(1);
  assert.ok(request);
  const body = verifyRequest(request, secret);
  assert.deepEqual(new SvixWebhook(secret).verify(request.body, request.headers as Record<string, string>), body);
  const { advice, ...data } = (body as { data: Record<string, unknown> }).data;
  assert.match(String(advice), /mailbox does not exist/);
  assert.deepEqual(
    { ...(body as object), data },
    {
      type: "message.bounced",
      timestamp: new Date(event.at).toISOString(),
      data: {
        id: eventId(event),
        sequence: event.sequence,
        message_id: messageId,
        recipient: "a@example.com",
        status: "bounced",
        attempt: 1,
        relay: "default",
        reply: { code: 550, enhanced: "5.1.1", text: "no such user" },
        category: "invalid_recipient",
        hard_bounce: true,
        possible_duplicate: false,
        tags: ["welcome"],
        metadata: { user: "ü" },
      },
    },
  );
  const { headers } = request;
  assert.deepEqual(
    [headers["webhook-id"], headers["content-type"], headers["user-agent"], headers.cookie],
    [eventId(event), "application/json", "Postern/1.2.3", undefined],
  );
  const delivery = await own.newest(webhook, "success", ({ status }) => status === "succeeded");
  const [only] = delivery.tries;
  assert.deepEqual([delivery.attempts, delivery.event_id, only?.status, only?.response_snippet], [1, eventId(event), 200, "thanks a lot"]);
  assert.deepEqual(
    (await own.metrics.webhookDeliveries.get()).values.map(({ labels, value }) => [labels.outcome, value]),
    [["succeeded", 1]],
  );
});

test("an event from before the first worker started is not lost, and carries what its accepted message says", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { secret } = await own.webhook(receiver.url);
  const ledger = createLedger(own.connection, {
    retention: { messageMs: 60_000, contentMs: 0, failedContentMs: 0 },
    leases: { ownerMs: 60_000, attemptMs: 60_000 },
  });
  const input = draft(ledger);
  await ledger.accept({ ...input, record: { ...input.record, tags: ["welcome"], metadata: { user: "7" } } });
  await own.start();
  const [request] = await receiver.waitForRequests(1);
  assert.ok(request);
  const { type, data } = verifyRequest(request, secret) as { type: string; data: Record<string, unknown> };
  assert.deepEqual([type, data.message_id, data.tags, data.metadata], ["message.accepted", input.record.id, ["welcome"], { user: "7" }]);
});

test("after a 500 the same event comes again with the same id and bytes, until a 2xx", async (t) => {
  const receiver = await startWebhookReceiver({ answer: ({ number }) => (number < 3 ? { status: 500, body: `fault ${number}` } : {}) });
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url);
  await own.start();
  await own.append();
  const requests = await receiver.waitForRequests(3);
  assert.equal(new Set(requests.map(({ headers }) => headers["webhook-id"])).size, 1);
  assert.equal(new Set(requests.map(({ body }) => body.toString())).size, 1);
  const delivery = await own.newest(webhook, "success", ({ status }) => status === "succeeded");
  assert.deepEqual(
    delivery.tries.map(({ status, response_snippet }) => [status, response_snippet]),
    [
      [500, undefined],
      [500, "fault 2"],
      [204, undefined],
    ],
  );
  assert.equal((await own.webhooks.get("default", webhook.id))?.failing_since, undefined);
});

test("after its last try a delivery has failed and is kept", async (t) => {
  const receiver = await startWebhookReceiver({ answer: () => ({ status: 500 }) });
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url);
  await own.start();
  await own.append();
  const delivery = await own.newest(webhook, "failure", ({ status }) => status === "failed");
  assert.deepEqual([delivery.attempts, delivery.tries.length, delivery.next_at, receiver.requests.length], [4, 4, undefined, 4]);
  assert.ok((await own.webhooks.get("default", webhook.id))?.failing_since);
});

test("a redirect is a failure and is not followed", async (t) => {
  const receiver = await startWebhookReceiver({ answer: () => ({ status: 302, headers: { location: "/elsewhere" } }) });
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url);
  await own.start({ tuning: { schedule: [0] } });
  await own.append();
  const delivery = await own.newest(webhook, "failure", ({ status }) => status === "failed");
  assert.equal(delivery.tries[0]?.status, 302);
  assert.deepEqual(
    receiver.requests.map(({ path }) => path),
    ["/hook"],
  );
});

test("an endpoint that never answers fails in time", async (t) => {
  const receiver = await startWebhookReceiver({ answer: () => ({ hang: true }) });
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url);
  await own.start({ tuning: { schedule: [0], timeoutMs: 300 } });
  await own.append();
  const [trial] = (await own.newest(webhook, "the failure", ({ status }) => status === "failed")).tries;
  assert.equal(trial?.error, "No answer within 0.3 s.");
  assert.ok((trial?.duration_ms ?? 0) >= 290 && (trial?.duration_ms ?? 0) < 1_000, `${trial?.duration_ms} ms`);
});

test("an endpoint that fails and hangs leaves half of a process's room to the others", async (t) => {
  const hanging = await startWebhookReceiver({ answer: ({ number }) => (number === 1 ? { status: 500 } : { hang: true }) });
  const well = await startWebhookReceiver();
  t.after(hanging.stop);
  t.after(well.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(hanging.url);
  await own.start({ tuning: { schedule: [0], timeoutMs: 60_000, perProcess: 4 } });
  await own.append();
  await own.newest(webhook, "the failure", ({ status }) => status === "failed");
  await own.appendAll(Array.from({ length: 10 }, () => ({})));
  await hanging.waitForRequests(3);
  await own.webhook(well.url);
  await own.appendAll(Array.from({ length: 10 }, () => ({})));
  await well.waitForRequests(10);
  assert.equal(hanging.requests.length, 3);
});

test("a gigabyte for an answer is read for its beginning only, and its status counts", async (t) => {
  const receiver = await startWebhookReceiver({ answer: ({ number }) => ({ status: number === 1 ? 500 : 200, hugeBodyBytes: 2 ** 30 }) });
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url);
  await own.start();
  const before = process.memoryUsage().rss;
  await own.append();
  const delivery = await own.newest(webhook, "success", ({ status }) => status === "succeeded");
  assert.deepEqual(
    delivery.tries.map(({ status, response_snippet }) => [status, response_snippet?.length]),
    [
      [500, undefined],
      [200, 128],
    ],
  );
  assert.ok(process.memoryUsage().rss - before < 100 * 2 ** 20);
});

test("Retry-After puts the next try off", async (t) => {
  const receiver = await startWebhookReceiver({ answer: () => ({ status: 503, headers: { "retry-after": "3600" } }) });
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  const { webhook } = await own.webhook(receiver.url);
  await own.start();
  await own.append();
  const delivery = await own.newest(webhook, "the try", ({ attempts }) => attempts === 1);
  const inMs = (delivery.next_at ?? 0) - own.connection.clock.now();
  assert.ok(Math.abs(inMs - 3_600_000) < 10_000, `${inMs} ms`);
});

test("a connection that is cut and a port that nobody listens on are told in words", async (t) => {
  const receiver = await startWebhookReceiver({ answer: () => ({ cut: true }) });
  t.after(receiver.stop);
  const gone = await startWebhookReceiver();
  await gone.stop();
  const own = await openWebhooks(t, redis);
  const cut = await own.webhook(receiver.url);
  const refused = await own.webhook(gone.url);
  await own.start({ tuning: { schedule: [0] } });
  await own.append();
  assert.match(
    (await own.newest(cut.webhook, "failure", ({ status }) => status === "failed")).tries[0]?.error ?? "",
    /^The connection was cut/,
  );
  assert.match((await own.newest(refused.webhook, "failure", ({ status }) => status === "failed")).tries[0]?.error ?? "", /was refused/);
});

test("no more requests run at a time to one webhook than the fleet may have", async (t) => {
  let now = 0;
  let most = 0;
  const receiver = await startWebhookReceiver({
    answer: () => {
      now += 1;
      most = Math.max(most, now);
      setTimeout(() => {
        now -= 1;
      }, 20);
      return { delayMs: 25 };
    },
  });
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis);
  await own.webhook(receiver.url);
  await own.start({ tuning: { perWebhook: 3 }, consumer: "one" });
  await own.start({ tuning: { perWebhook: 3 }, consumer: "two" });
  await own.appendAll(Array.from({ length: 30 }, () => ({})));
  await receiver.waitForRequests(30);
  assert.equal(most, 3);
});

test("while a rotated secret overlaps, each request is signed with both; afterwards with the new one alone", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  const own = await openWebhooks(t, redis, { secretOverlapMs: 400 });
  const { webhook, secret } = await own.webhook(receiver.url);
  const rotated = await own.webhooks.rotateSecret("default", webhook.id);
  assert.ok(rotated);
  await own.start();
  await own.append();
  const [both] = await receiver.waitForRequests(1);
  assert.ok(both);
  assert.deepEqual(verifyRequest(both, secret), verifyRequest(both, rotated.secret));
  assert.deepEqual(new SvixWebhook(secret).verify(both.body, both.headers as Record<string, string>), verifyRequest(both, secret));
  assert.equal(String(both.headers["webhook-signature"]).split(" ").length, 2);
  await waitFor(() => Date.now() > both.at + 450, { what: "the end of the overlap" });
  await own.append();
  const [, alone] = await receiver.waitForRequests(2);
  assert.ok(alone);
  assert.ok(verifyRequest(alone, rotated.secret));
  assert.throws(() => verifyRequest(alone, secret));
});
