// The door for notifications: what is answered where it cannot store, and that a batch is stored in pieces.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createNotifications, type NotificationOptions } from "../../src/bounces/providers/notifications.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { sendgridEvent, sendgridHeaders, sendgridKeys } from "../support/notifications.ts";

const keys = sendgridKeys();

/** The door before a store that answers as told. */
function doorBefore(store: NotificationOptions["store"]) {
  const counted: Record<string, number> = {};
  const notifications = createNotifications({
    inbound: { sendgrid: { publicKeys: [keys.pem] } },
    fetchFromSns: () => Promise.reject(new Error("there is no SNS here")),
    mailgunTokens: { bind: async () => true },
    now: Date.now,
    log: createLogger({ level: "silent", format: "json" }),
    store,
    observe: (provider, outcome, count) => {
      counted[`${provider} ${outcome}`] = (counted[`${provider} ${outcome}`] ?? 0) + count;
    },
  });
  const send = (events: unknown) => {
    const body = JSON.stringify(events);
    const headers = sendgridHeaders(keys.privateKey, body);
    return notifications.receive("sendgrid", { header: (name) => headers[name], body: Buffer.from(body) });
  };
  return { notifications, send, counted };
}

const events = Array.from({ length: 250 }, (_, index) => sendgridEvent({ email: `n${index}@example.net` }));

test("a store that is full makes the provider come again, and what was stored by then is known", async () => {
  const stored = new Set<string>();
  let room = 150;
  const { send, counted } = doorBefore(async (report, content) => {
    const text = content.toString();
    const kind = stored.has(text) ? "known" : "stored";
    if (kind === "stored" && room-- <= 0) return { kind: "full" };
    stored.add(text);
    return { kind, report: { ...report, id: "", received_at: 0, status: "pending", claims: 0, recipients: [] } };
  });
  assert.deepEqual(await send(events), { kind: "full" });
  room = 1_000;
  assert.deepEqual(await send(events), { kind: "taken", stored: 100, known: 150, ignored: 0 });
  assert.equal(stored.size, 250);
  assert.deepEqual(counted, { "sendgrid full": 1, "sendgrid stored": 100, "sendgrid known": 150, "sendgrid ignored": 0 });
});

test("a store that is away makes the request fail, so that nothing is acknowledged", async () => {
  const { send } = doorBefore(async () => Promise.reject(new Error("Redis is away")));
  await assert.rejects(send(events), /away/);
});

test("a provider that is not configured is not listened to", async () => {
  const { notifications } = doorBefore(async () => ({ kind: "full" }));
  assert.deepEqual(
    (["ses", "sendgrid", "postmark", "mailgun"] as const).map((provider) => notifications.isConfigured(provider)),
    [false, true, false, false],
  );
  await assert.rejects(notifications.receive("mailgun", { header: () => undefined, body: Buffer.from("{}") }), /not configured/);
});
