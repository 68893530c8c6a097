// Providers' notifications: who is let in, what becomes of what they tell, and what a forger gets.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readSnsTopic } from "../../src/domain/notification.ts";
import {
  certificateAddress,
  mailgunBody,
  mailgunEvent,
  postmarkBounce,
  sendgridEvent,
  sendgridHeaders,
  sendgridKeys,
  sesBounce,
  sesMail,
  snsHost,
  snsIdentity,
  snsMessage,
  topicArn,
} from "../support/notifications.ts";
import { sharedRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { type Answer, assertProblem, mail, openApp, type TestApp } from "./appForTests.ts";

const redis = await sharedRedis();
const sns = await snsIdentity();
const otherSns = await snsIdentity();
const sendgrid = sendgridKeys();
const signingKey = "key-of-mailgun-for-webhooks";
const login = { username: "postmark", password: "a password: with a colon" };
const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
const postmarkHeaders = basic(`${login.username}:${login.password}`);

/** What was asked of SNS's endpoints, and what they answer. */
const asked: string[] = [];
let answerOfSns: (url: URL) => Promise<{ status: number; body: string }>;
const certificateServed = async (url: URL) =>
  url.pathname.endsWith(".pem") ? { status: 200, body: sns.certificate } : { status: 200, body: "<ConfirmSubscriptionResponse/>" };

let app: TestApp;
let reading: ReturnType<TestApp["intake"]["startReading"]>;
before(async () => {
  const topic = readSnsTopic(topicArn);
  assert.ok(topic);
  answerOfSns = certificateServed;
  app = await openApp(redis, undefined, undefined, {
    inbound: {
      ses: { topics: [topic] },
      sendgrid: { publicKeys: [sendgridKeys().pem, sendgrid.pem] },
      postmark: login,
      mailgun: { signingKey },
    },
    fetchFromSns: (url) => {
      asked.push(url.href);
      return answerOfSns(url);
    },
  });
  reading = app.intake.startReading();
});
after(async () => {
  await reading.stop(1_000);
  await app.close();
});

/** A message that its relay has taken with such a reply. */
async function sent(changes: Record<string, unknown> = {}, reply = "Ok", key?: string) {
  const { body } = await app.ask("POST", "/v1/messages", { body: mail(changes), ...(key !== undefined && { key }) });
  const { connection, ledger } = app;
  await connection.redis.zadd(connection.keys.owners, ledger.clock.now(), "own_a");
  const claimed = await ledger.claim({ messageId: body.id, dispatch: 0, generation: 1 }, "own_a", "word");
  assert.ok(claimed.kind === "claimed", claimed.kind);
  const { recipients, attempt, record } = claimed.claim;
  const outcomes = recipients.map((recipient) => ({ recipient, kind: "sent" as const, reply: { code: 250, text: reply } }));
  await ledger.record({ messageId: body.id, dispatch: 0, attempt, outcomes, retryInMs: 0, counts: "nothing" });
  return { id: body.id as string, internetId: body.internet_message_id as string, returnPath: record.return_path ?? "", key };
}

const post = (provider: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  app.ask("POST", `/v1/inbound/${provider}`, { body, headers, key: null });
const postSns = (text: string) =>
  post("ses", text, { "content-type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": "Notification" });
const postSes = (event: unknown) => postSns(snsMessage(sns.key, { Message: JSON.stringify(event) }));
const postSendgrid = (events: unknown) => {
  const body = typeof events === "string" ? events : JSON.stringify(events);
  return post("sendgrid", body, sendgridHeaders(sendgrid.privateKey, body));
};
const postMailgun = (event: unknown) => post("mailgun", mailgunBody(signingKey, event));
const postPostmark = (event: unknown) => post("postmark", event, postmarkHeaders);

async function recipientsOf({ id, key }: { id: string; key?: string | undefined }) {
  return (await app.ask("GET", `/v1/messages/${id}`, { ...(key !== undefined && { key }) })).body.recipients;
}

/** Waits until nothing waits to be read, and returns how a message's recipients stand. */
async function statusesOf(message: { id: string; key?: string | undefined }): Promise<string> {
  await allRead();
  return (await recipientsOf(message)).map(({ status }: { status: string }) => status).join();
}

async function allRead(timeoutMs = 30_000): Promise<void> {
  reading.wake();
  const { redis: client, keys } = app.connection;
  await waitFor(async () => (await client.zcard(keys.reportsPending)) === 0, { what: "all notifications to be read", timeoutMs });
}

async function reports(query = "") {
  return (await app.ask("GET", `/v1/bounces?limit=100${query}`)).body.data;
}

async function eventsOf(message: { id: string }): Promise<string[]> {
  const { body } = await app.ask("GET", `/v1/messages/${message.id}/events`);
  return body.data.map(({ type }: { type: string }) => type);
}

const sesId = (digit: string) => `0102018d5f3a4b6${digit}-1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d-000000`;
const uuid = (digit: string) => `883953f4-6105-42a2-a16a-77a8eac7948${digit}`;

const bounceBy: [string, () => Promise<{ message: Awaited<ReturnType<typeof sent>>; answer: Answer }>][] = [
  [
    "SES, by the header that it returns",
    async () => {
      const message = await sent({ to: "s1@example.net" });
      const headers: [string, string][] = [["X-Postern-Return-Path", message.returnPath]];
      return { message, answer: await postSes(sesBounce(sesMail({ messageId: sesId("1"), to: ["s1@example.net"], headers }))) };
    },
  ],
  [
    "SES, by the envelope's sender",
    async () => {
      const message = await sent({ to: "s2@example.net" });
      const told = sesMail({ messageId: sesId("2"), to: ["s2@example.net"], source: message.returnPath });
      return { message, answer: await postSes(sesBounce(told)) };
    },
  ],
  [
    "SES, by the id in its reply, where it returns no header",
    async () => {
      const message = await sent({ to: "s3@example.net" }, `Ok ${sesId("3")}`);
      return { message, answer: await postSes(sesBounce(sesMail({ messageId: sesId("3"), to: ["s3@example.net"] }))) };
    },
  ],
  [
    "SendGrid, by our Message-ID",
    async () => {
      const message = await sent({ to: "g1@example.net" });
      return { message, answer: await postSendgrid([sendgridEvent({ email: "g1@example.net", "smtp-id": message.internetId })]) };
    },
  ],
  [
    "SendGrid, by the id in its reply",
    async () => {
      const message = await sent({ to: "g2@example.net" }, "Ok: queued as K5AfgEp1RKaFOxEvX8hmwg");
      const event = sendgridEvent({
        email: "g2@example.net",
        sg_message_id: "K5AfgEp1RKaFOxEvX8hmwg.recvd-5f54b5d587-pczjm-1-61A8C0AF-5.0",
      });
      return { message, answer: await postSendgrid([event]) };
    },
  ],
  [
    "Mailgun, by our Message-ID",
    async () => {
      const message = await sent({ to: "m1@example.net" });
      const event = mailgunEvent(message.internetId.replace(/^<|>$/g, ""), { recipient: "m1@example.net" });
      return { message, answer: await postMailgun(event) };
    },
  ],
  [
    "Postmark, by the id in its reply",
    async () => {
      const message = await sent({ to: "p1@example.net" }, `OK ${uuid("1")}`);
      return { message, answer: await postPostmark(postmarkBounce(uuid("1"), { Email: "p1@example.net" })) };
    },
  ],
];

for (const [how, bounce] of bounceBy) {
  test(`a bounce told by ${how}, is stored, ends its recipient and suppresses the address`, async () => {
    const { message, answer } = await bounce();
    assert.deepEqual([answer.status, answer.body], [200, { stored: 1, known: 0, ignored: 0 }], answer.text);
    await allRead();
    const [recipient] = await recipientsOf(message);
    assert.deepEqual([recipient.status, recipient.category, recipient.hard_bounce], ["bounced", "invalid_recipient", true]);
    const { body: standing } = await app.ask("GET", `/v1/suppressions/${recipient.address}`);
    assert.deepEqual([standing.reason, standing.source, standing.message_id], ["bounce", "report", message.id]);
    const [report] = await reports();
    assert.deepEqual([report.status, report.message_id, report.source], ["processed", message.id, how.split(",")[0]?.toLowerCase()]);
    assert.equal(report.recipients[0].reply.code, 550);
  });
}

test("the same notification twice, and another that says the same, are one event", async () => {
  const message = await sent();
  const event = sendgridEvent({ "smtp-id": message.internetId });
  const again = { ...event, sg_event_id: "another" };
  assert.deepEqual((await postSendgrid([event, event, again])).body, { stored: 2, known: 1, ignored: 0 });
  assert.deepEqual((await postSendgrid([event])).body, { stored: 0, known: 1, ignored: 0 });
  assert.equal(await statusesOf(message), "bounced");
  assert.deepEqual(await eventsOf(message), ["message.accepted", "message.sent", "message.bounced"]);
  await app.ask("DELETE", "/v1/suppressions/ada@example.net");
});

test("a delay changes nothing, a delivery makes delivered, a bounce behind it bounced, and a late delivery takes that not back", async () => {
  const message = await sent({ to: "late@example.net" });
  const about = { email: "late@example.net", "smtp-id": message.internetId };
  await postSendgrid([{ ...about, event: "deferred", response: "450 4.2.1 try again later", sg_event_id: "1" }]);
  assert.equal(await statusesOf(message), "sent");
  await postSendgrid([{ ...about, event: "delivered", response: "250 2.0.0 OK", sg_event_id: "2" }]);
  assert.equal(await statusesOf(message), "delivered");
  await postSendgrid([{ ...about, event: "bounce", type: "blocked", reason: "550 5.7.1 Blocked", sg_event_id: "3" }]);
  assert.equal(await statusesOf(message), "bounced");
  await postSendgrid([{ ...about, event: "delivered", response: "250 2.0.0 OK", sg_event_id: "4" }]);
  assert.equal(await statusesOf(message), "bounced");
  assert.deepEqual((await eventsOf(message)).slice(2), ["message.delivered", "message.bounced"]);
  assert.equal((await app.ask("GET", "/v1/suppressions/late@example.net")).status, 404);
});

test("a complaint and an unsubscribe suppress, each for its own reason", async () => {
  const complained = await sent({ to: "c@example.net" }, `OK ${uuid("2")}`);
  await postPostmark(postmarkBounce(uuid("2"), { RecordType: "SpamComplaint", Type: "SpamComplaint", Email: "c@example.net" }));
  assert.equal(await statusesOf(complained), "complained");
  assert.equal((await app.ask("GET", "/v1/suppressions/c@example.net")).body.reason, "complaint");

  const left = await sent({ to: "u@example.net" });
  const event = mailgunEvent(left.internetId.slice(1, -1), { event: "unsubscribed", recipient: "u@example.net" });
  await postMailgun(event);
  await postMailgun({ ...event, id: "another" });
  assert.equal(await statusesOf(left), "sent");
  assert.deepEqual((await eventsOf(left)).slice(2), ["message.unsubscribed"]);
  const { body: standing } = await app.ask("GET", "/v1/suppressions/u@example.net");
  assert.deepEqual([standing.reason, standing.source, standing.list, standing.message_id], ["unsubscribe", "report", null, left.id]);
});

test("who unsubscribes from a message of a list leaves that list alone", async () => {
  const message = await sent({ to: "l@example.net", unsubscribe: { list: "news" } });
  await postSendgrid([{ email: "l@example.net", event: "group_unsubscribe", "smtp-id": message.internetId, sg_event_id: "l" }]);
  await allRead();
  assert.equal((await app.ask("GET", "/v1/suppressions/l@example.net")).status, 404);
  assert.equal((await app.ask("GET", "/v1/suppressions/l@example.net?list=news")).body.reason, "unsubscribe");
});

test("a complaint that may be any recipient's is held against none of several", async () => {
  const message = await sent({ to: ["a1@example.net", "a2@example.net"] });
  const mailOf = sesMail({
    messageId: sesId("9"),
    to: ["a1@example.net", "a2@example.net"],
    headers: [["X-Postern-Return-Path", message.returnPath]],
  });
  const complaint = { complainedRecipients: [{ emailAddress: "a1@example.net" }, { emailAddress: "a2@example.net" }] };
  await postSes({ notificationType: "Complaint", complaint, mail: mailOf });
  assert.equal(await statusesOf(message), "sent,sent");
});

test("a notification reaches its message in any tenant, and is listed there alone", async () => {
  const key = await app.key({ tenant: "inbound-other", scopes: ["send", "read", "manage"] });
  const message = await sent({ to: "other@example.net" }, "Ok", key);
  await postMailgun(mailgunEvent(message.internetId.slice(1, -1), { recipient: "other@example.net" }));
  assert.equal(await statusesOf(message), "bounced");
  const { body } = await app.ask("GET", "/v1/bounces", { key });
  assert.deepEqual(
    body.data.map((report: { source: string }) => report.source),
    ["mailgun"],
  );
  assert.ok(!(await reports()).some(({ message_id }: { message_id: string }) => message_id === message.id));
  assert.equal((await app.ask("GET", "/v1/suppressions/other@example.net")).status, 404);
  assert.equal((await app.ask("GET", "/v1/suppressions/other@example.net", { key })).status, 200);
});

test("what comes when the message is gone still suppresses by the header that SES returns", async () => {
  const { redis: client, keys } = app.connection;
  const told = async (to: string, kind: object) => {
    const message = await sent({ to });
    await client.del(keys.message(message.id));
    const headers: [string, string][] = [["X-Postern-Return-Path", message.returnPath]];
    await postSes({ ...kind, mail: sesMail({ to: [to], headers, messageId: sesId("8") }) });
    await allRead();
    const [report] = await reports();
    assert.deepEqual([report.status, report.message_id, report.recipients[0].effect], ["processed", message.id, "message_gone"]);
    return (await app.ask("GET", `/v1/suppressions/${to}`)).body.reason;
  };
  const complaint = { complainedRecipients: [{ emailAddress: "gone1@example.net" }] };
  assert.equal(await told("gone1@example.net", { notificationType: "Complaint", complaint }), "complaint");
  const subscription = { newTopicPreferences: { unsubscribeAll: true } };
  assert.equal(await told("gone2@example.net", { eventType: "Subscription", subscription }), "unsubscribe");
});

test("somebody who was no recipient of the message changes nothing", async () => {
  const message = await sent();
  await postSendgrid([sendgridEvent({ email: "eve@example.net", "smtp-id": message.internetId })]);
  assert.equal(await statusesOf(message), "sent");
  assert.equal((await app.ask("GET", "/v1/suppressions/eve@example.net")).status, 404);
});

test("in a batch, nonsense is kept as unparsed, strangers' mail as unmatched, and the rest has its effect", async () => {
  const message = await sent({ to: "batch@example.net" });
  const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
  const events = [
    { email: "batch@example.net", event: "processed", "smtp-id": message.internetId },
    { email: "batch@example.net", event: "open", sg_event_id: "o" },
    "nonsense",
    null,
    { event: "teleported", email: "batch@example.net" },
    sendgridEvent({ email: "x@example.net", "smtp-id": "<stranger@example.org>", sg_message_id: undefined }),
    sendgridEvent({ email: "batch@example.net", "smtp-id": message.internetId }),
  ];
  const body = `${JSON.stringify(events).slice(0, -1)},${deep}]`;
  const before = new Set((await reports()).map(({ id }: { id: string }) => id));
  assert.deepEqual((await postSendgrid(body)).body, { stored: 6, known: 0, ignored: 2 });
  assert.equal(await statusesOf(message), "bounced");
  const statuses = (await reports()).filter(({ id }: { id: string }) => !before.has(id)).map(({ status }: { status: string }) => status);
  assert.deepEqual(statuses.sort(), ["processed", "unmatched", "unparsed", "unparsed", "unparsed", "unparsed"]);
});

test("a thousand events in one request are all stored before the answer", async () => {
  const events = Array.from({ length: 1_000 }, (_, index) =>
    sendgridEvent({ email: `n${index}@example.net`, "smtp-id": "<other@example.org>", sg_message_id: undefined }),
  );
  const began = performance.now();
  assert.deepEqual((await postSendgrid(events)).body, { stored: 1_000, known: 0, ignored: 0 });
  assert.ok(performance.now() - began < 15_000);
  await allRead(60_000);
  assert.equal((await reports("&status=unmatched")).length, 100);
});

test("a notification that is quicker than the record of the reply that names its message waits for it", async () => {
  await postPostmark(postmarkBounce(uuid("7"), { Email: "quick@example.net" }));
  reading.wake();
  await waitFor(async () => (await reports("&status=pending")).length === 1, { what: "the notification to wait", timeoutMs: 10_000 });
  const message = await sent({ to: "quick@example.net" }, `OK ${uuid("7")}`);
  assert.equal(await statusesOf(message), "bounced");
});

test("SNS: both versions of its signature are taken, and its certificate is fetched once", async () => {
  const certificates = () => asked.filter((url) => url === certificateAddress).length;
  assert.equal(certificates(), 1);
  for (const SignatureVersion of ["1", "2"] as const) {
    const text = snsMessage(sns.key, {
      SignatureVersion,
      Subject: "Amazon SES",
      Message: JSON.stringify({ eventType: "Open", v: SignatureVersion }),
    });
    assert.deepEqual((await postSns(text)).body, { stored: 0, known: 0, ignored: 1 });
  }
  assert.equal(certificates(), 1);
  assert.equal((await postSns(snsMessage(sns.key, { Message: "not JSON" }))).body.stored, 1);
});

const address = "https://sns.eu-west-1.amazonaws.com";
const file = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem";
const forgedSns: [string, () => string][] = [
  ["signed by another key", () => snsMessage(otherSns.key, {})],
  ["changed behind the signature", () => snsMessage(sns.key, {}, { Message: '{"notificationType":"Bounce"}' })],
  ["of another type than was signed", () => snsMessage(sns.key, {}, { Type: "UnsubscribeConfirmation" })],
  ["without a signature", () => snsMessage(sns.key, {}, { Signature: "" })],
  ["of a type that every object has", () => snsMessage(sns.key, {}, { Type: "constructor" })],
  ["of a version that every object has", () => snsMessage(sns.key, {}, { SignatureVersion: "__proto__" })],
  ["of a version that is not known", () => snsMessage(sns.key, {}, { SignatureVersion: "3" })],
  ["of another topic", () => snsMessage(sns.key, { TopicArn: "arn:aws:sns:eu-west-1:666666666666:ses-events" })],
  ["more than a day old", () => snsMessage(sns.key, { Timestamp: new Date(Date.now() - 26 * 3_600_000).toISOString() })],
  ["from tomorrow", () => snsMessage(sns.key, { Timestamp: new Date(Date.now() + 3_600_000).toISOString() })],
  ["without a time", () => snsMessage(sns.key, { Timestamp: "yesterday" })],
  ...[
    `http://sns.eu-west-1.amazonaws.com${file}`,
    `https://sns.us-east-1.amazonaws.com${file}`,
    `https://sns.eu-west-1.amazonaws.com.evil.example${file}`,
    `https://sns.eu-west-1.amazonaws.com@evil.example${file}`,
    `https://evil@sns.eu-west-1.amazonaws.com${file}`,
    `https://sns.eu-west-1.amazonaws.com:8443${file}`,
    `https://sns.s3-eu-west-1.amazonaws.com${file}`,
    `${address}${file}?x=1`,
    `${address}/evil${file}`,
    `${address}/SimpleNotificationService-%2e%2e.pem`,
    "file:///etc/passwd",
    "",
  ].map((url): [string, () => string] => [
    `with a certificate at ${url || "no address"}`,
    () => snsMessage(sns.key, { SigningCertURL: url }),
  ]),
];

for (const [what, message] of forgedSns) {
  test(`SNS: a message ${what} is refused, and nothing is fetched for it`, async () => {
    const before = asked.length;
    assertProblem(await postSns(message()), 401, "not_verified");
    assert.equal(asked.length, before);
  });
}

test("SNS: a subscription to a configured topic is confirmed at its endpoint, and one that leads elsewhere is not", async () => {
  const query = `Action=ConfirmSubscription&TopicArn=${topicArn}&Token=2336412f37`;
  const confirmation = (url: string, changes = {}) =>
    postSns(
      snsMessage(sns.key, {
        Type: "SubscriptionConfirmation",
        Token: "2336412f37",
        SubscribeURL: url,
        Message: "You have chosen to subscribe",
        ...changes,
      }),
    );
  assert.deepEqual((await confirmation(`https://${snsHost}/?${query}`)).body, { stored: 0, known: 0, ignored: 1 });
  assert.equal(asked.at(-1), `https://${snsHost}/?${query}`);
  const before = asked.length;
  for (const url of [
    `https://evil.example/?${query}`,
    `http://${snsHost}/?${query}`,
    `https://${snsHost}.evil.example/?${query}`,
    `https://a:b@${snsHost}/?${query}`,
    `https://${snsHost}/?Action=Publish&TopicArn=${topicArn}`,
    `https://${snsHost}/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:666666666666:theirs&Token=1`,
    `https://${snsHost}/elsewhere?${query}`,
    "",
  ]) {
    assertProblem(await confirmation(url), 401, "not_verified");
  }
  assertProblem(
    await confirmation(`https://${snsHost}/?${query}`, { TopicArn: "arn:aws:sns:eu-west-1:666666666666:theirs" }),
    401,
    "not_verified",
  );
  assert.equal(asked.length, before);
  answerOfSns = async () => ({ status: 500, body: "" });
  assertProblem(await confirmation(`https://${snsHost}/?${query}`), 503, "unavailable");
  answerOfSns = certificateServed;
  const ended = snsMessage(sns.key, { Type: "UnsubscribeConfirmation", Token: "1", SubscribeURL: `https://${snsHost}/?${query}` });
  assert.equal((await postSns(ended)).status, 200);
  assert.equal(asked.length, before + 1);
});

test("SNS: raw delivery, which is not signed, is refused with what to do", async () => {
  const problem = assertProblem(await post("ses", sesBounce(sesMail()), { "x-amz-sns-rawdelivery": "true" }), 401, "not_verified");
  assert.match(problem.detail, /turn it off/);
  assertProblem(await post("ses", sesBounce(sesMail())), 401, "not_verified");
});

test("SNS: while its certificate cannot be had SNS is asked to come again; a good one is then taken", async () => {
  const elsewhere = certificateAddress.replace(/0123/g, "4567");
  const message = snsMessage(sns.key, { SigningCertURL: elsewhere, Message: JSON.stringify({ eventType: "Open" }) });
  for (const answer of [
    () => Promise.reject(new Error("cut")),
    async () => ({ status: 403, body: "no" }),
    async () => ({ status: 200, body: "no certificate" }),
  ]) {
    answerOfSns = answer;
    const refused = await postSns(message);
    assertProblem(refused, 503, "unavailable");
    assert.equal(String(refused.headers["retry-after"]), "10");
  }
  answerOfSns = certificateServed;
  assert.equal((await postSns(message)).status, 200);
});

test("SendGrid: what is not signed, or signed by another, or changed, or old, is refused", async () => {
  const body = JSON.stringify([sendgridEvent()]);
  const headers = sendgridHeaders(sendgrid.privateKey, body);
  const second = 1_000;
  const old = sendgridHeaders(sendgrid.privateKey, body, String(Math.floor((Date.now() - 26 * 3_600_000) / second)));
  const early = sendgridHeaders(sendgrid.privateKey, body, String(Math.floor((Date.now() + 3_600_000) / second)));
  const later = { ...headers, "x-twilio-email-event-webhook-timestamp": String(Math.floor(Date.now() / second) + 1) };
  const garbage = { ...headers, "x-twilio-email-event-webhook-signature": "AAAA" };
  for (const given of [{}, old, early, later, garbage, sendgridHeaders(sendgridKeys().privateKey, body)]) {
    assertProblem(await post("sendgrid", body, given), 401, "not_verified");
  }
  assertProblem(await post("sendgrid", `${body} `, headers), 401, "not_verified");
  assert.equal((await post("sendgrid", body, headers)).status, 200);
});

test("SendGrid: a body that is signed but no JSON is kept as unparsed", async () => {
  assert.deepEqual((await postSendgrid("what is this")).body, { stored: 1, known: 0, ignored: 0 });
  await allRead();
  const [report] = await reports();
  assert.deepEqual([report.status, report.fault, report.source], ["unparsed", "no_report", "sendgrid"]);
});

test("Mailgun: a wrong, old or missing signature is refused, and a token is good for one event alone", async () => {
  const event = mailgunEvent("stranger@example.org");
  const body = mailgunBody(signingKey, event);
  assertProblem(await post("mailgun", mailgunBody("another key", event)), 401, "not_verified");
  assertProblem(await post("mailgun", { "event-data": event }), 401, "not_verified");
  assertProblem(await post("mailgun", { ...body, signature: "x" }), 401, "not_verified");
  const day = 86_400;
  const old = mailgunBody(signingKey, event, { timestamp: String(Math.floor(Date.now() / 1_000) - day - 7_200) });
  assertProblem(await post("mailgun", old), 401, "not_verified");
  assertProblem(await post("mailgun", mailgunBody(signingKey, event, { timestamp: "soon" })), 401, "not_verified");
  assertProblem(await post("mailgun", "no JSON"), 400, "malformed_json");
  assert.equal((await post("mailgun", body)).body.stored, 1);
  // Its own repetition of a request whose answer was lost.
  assert.equal((await post("mailgun", body)).body.known, 1);
  assertProblem(await post("mailgun", { ...body, "event-data": { ...event, recipient: "victim@example.net" } }), 401, "not_verified");
});

test("Postmark: only its user name and password let it in, before the body is read", async () => {
  for (const given of [
    {},
    basic("postmark:wrong"),
    basic(`x${login.username}:${login.password}`),
    basic(""),
    { authorization: "Bearer x" },
  ]) {
    const refused = await post("postmark", "not even JSON", given as Record<string, string>);
    assertProblem(refused, 401, "not_verified");
    assert.match(String(refused.headers["www-authenticate"]), /^Basic /);
  }
  assert.equal((await postPostmark({ RecordType: "Open" })).body.ignored, 1);
  assert.equal((await postPostmark(postmarkBounce("x", { Content: "x".repeat(3_000_000) }))).body.stored, 1);
});

test("too large a body is refused as such, and so are more events than anybody sends", async () => {
  assertProblem(await post("mailgun", "x".repeat(600 * 1024)), 413, "body_too_large");
  assertProblem(await postSns("x".repeat(800 * 1024)), 413, "body_too_large");
  assertProblem(await postSendgrid("x".repeat(1100 * 1024)), 413, "body_too_large");
  assertProblem(await postSendgrid(`[${Array(5_001).fill("{}").join()}]`), 413, "body_too_large");
});

test("other types of content, no body at all, other methods and other providers get an answer that says so", async () => {
  assertProblem(await post("mailgun", "a=b", { "content-type": "application/x-www-form-urlencoded" }), 415, "unsupported_media_type");
  assertProblem(await post("mailgun", undefined), 400, "malformed_json");
  assertProblem(await app.ask("GET", "/v1/inbound/ses", { key: null }), 405, "method_not_allowed");
  assertProblem(await post("mandrill", {}), 404, "not_found");
});

test("a provider that is not configured gets 404 with what to configure", async () => {
  const bare = await openApp(redis);
  try {
    for (const provider of ["ses", "sendgrid", "postmark", "mailgun"]) {
      const problem = assertProblem(await bare.ask("POST", `/v1/inbound/${provider}`, { body: "{", key: null }), 404, "not_found");
      assert.match(problem.detail, new RegExp(`inbound\\.${provider}`));
    }
  } finally {
    await bare.close();
  }
});

test("what came of notifications is counted by provider", async () => {
  const text = await app.metrics.registry.metrics();
  assert.match(text, /postern_provider_notifications_total\{source="sendgrid",outcome="stored"\} \d{4}/);
  assert.match(text, /postern_provider_notifications_total\{source="ses",outcome="refused"\} \d+/);
  assert.match(text, /postern_reports_total\{source="ses",kind="bounce",status="processed"\} 3/);
});
