// The client as users install it (the built one), against a real gateway: every noun of the API, and a way to it that breaks.
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import type * as Client from "../../src/client/client.ts";
import { builtProgram } from "../support/built.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { startProxy, type TcpProxy } from "../support/proxy.ts";
import { waitFor } from "../support/waitFor.ts";
import { startWebhookReceiver } from "../support/webhookReceiver.ts";

let gateway: Gateway;
let way: TcpProxy;
let module: typeof Client;
let postern: Client.PosternClient;

before(async () => {
  const file = join(dirname(await builtProgram()), "client/client.js");
  module = (await import(pathToFileURL(file).href)) as typeof Client;
  gateway = await startGateway();
  way = await startProxy({ target: { port: Number(new URL(gateway.url).port) } });
  postern = module.createClient({ url: `http://127.0.0.1:${way.port}`, apiKey: gateway.apiKey });
});

after(async () => {
  await way?.stop();
  await gateway?.stop();
});

const mail = { from: "App <app@example.com>", to: "delivered@sandbox.test", subject: "Grüße", text: "Hello" };

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function settled(id: string): Promise<Client.Message> {
  await gateway.messageSettled(id);
  return postern.messages.get(id);
}

test("a message with a file is sent, and everything about it can be read", async () => {
  const bytes = Uint8Array.from({ length: 3_000 }, (_, index) => index % 256);
  const { id, status } = await postern.messages.send({ ...mail, tags: ["one"], attachments: [{ filename: "a.bin", content: bytes }] });
  assert.equal(status, "in_progress");
  const message = await settled(id);
  assert.deepEqual([message.status, message.subject, message.recipients[0]?.reply?.code], ["sent", "Grüße", 250]);
  assert.deepEqual(
    (await all(postern.messages.events(id))).map(({ type }) => type),
    ["message.accepted", "message.sent"],
  );
  assert.equal((await postern.messages.attempts(id)).length, 1);
  const content = Buffer.from(await postern.messages.content(id)).toString("latin1");
  assert.ok(content.replaceAll("\r\n", "").includes(Buffer.from(bytes).toString("base64")));
  const [captured] = (await postern.captured.list({ limit: 1 }).page()).data;
  assert.equal((await postern.captured.get(captured?.id ?? "")).subject, "Grüße");
  assert.deepEqual((await postern.messages.dryRun(mail)).route[0]?.recipient, "delivered@sandbox.test");
  const raw = Buffer.from("From: a@example.com\r\nSubject: Raw\r\n\r\nHello\r\n");
  assert.equal((await postern.messages.sendRaw({ envelope: { from: "a@example.com", to: "b@example.net" }, raw })).subject, "Raw");
});

test("lists go over all pages, batches are judged one by one, and a key makes two calls one message", async () => {
  const batch = [1, 2, 3, 4, 5].map((number) => ({ ...mail, tags: ["paged"], metadata: { number: `${number}` } }));
  const results = await postern.messages.sendBatch([...batch, { ...mail, to: "nobody" }]);
  assert.deepEqual(
    results.map((result) => ("id" in result ? "taken" : result.error.code)),
    [...batch.map(() => "taken"), "invalid_request"],
  );
  const listed = await all(postern.messages.list({ tag: "paged", limit: 2 }));
  assert.deepEqual(
    listed.map(({ metadata }) => metadata.number),
    ["5", "4", "3", "2", "1"],
  );
  const twice = [await postern.messages.send(mail, { idempotencyKey: "k1" }), await postern.messages.send(mail, { idempotencyKey: "k1" })];
  assert.equal(twice[0]?.id, twice[1]?.id);
  await assert.rejects(postern.messages.send({ ...mail, subject: "Other" }, { idempotencyKey: "k1" }), {
    status: 422,
    code: "idempotency_key_reused",
  });
});

test("a scheduled message takes another time and is cancelled; one that bounced is tried again", async () => {
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  const { id } = await postern.messages.send({ ...mail, send_at: at(1) });
  const later = at(2);
  assert.equal((await postern.messages.update(id, { send_at: later })).send_at, later);
  assert.equal((await postern.messages.cancel(id)).status, "cancelled");
  await assert.rejects(postern.messages.cancel(id), { status: 409, code: "too_late" });
  const bounced = await settled((await postern.messages.send({ ...mail, to: "hardbounce@sandbox.test" })).id);
  assert.deepEqual([bounced.status, bounced.recipients[0]?.hard_bounce], ["bounced", true]);
  assert.equal((await postern.messages.retry(bounced.id)).status, "in_progress");
});

test("a refusal says where each fault is, and under which id the gateway knows it", async () => {
  const error = await postern.messages.send({ from: "app@example.com", to: ["a@example.net", "nobody"], send_at: "soon" }).then(
    () => assert.fail("it was taken"),
    (fault: unknown) => fault,
  );
  assert.ok(error instanceof module.PosternError);
  assert.deepEqual(
    [error.status, error.code, error.errors.map(({ pointer }) => pointer).toSorted()],
    [422, "invalid_request", ["/send_at", "/to/1"]],
  );
  assert.match(error.message, /\/to\/1: ./);
  assert.match(error.requestId ?? "", /./);
});

test("a message whose answer is lost is sent once, and answered for", async () => {
  const before = (await all(postern.captured.list())).length;
  const lost = way.dropRepliesAfter("Through a cut", { cutAtReply: true, times: 2 });
  const { id } = await postern.messages.send({ ...mail, subject: "Through a cut" });
  assert.equal(lost.seen(), 2);
  lost.clear();
  await settled(id);
  assert.equal((await all(postern.captured.list())).length, before + 1);
});

test("every event is heard once and in order, though the stream is cut", async () => {
  const heard: Client.Event[] = [];
  const leaving = new AbortController();
  const [newest] = (await all(postern.events.list())).slice(-1);
  let breaks = 0;
  const onBreak = () => {
    breaks += 1;
  };
  const follow = async () => {
    const options = { types: ["message.sent" as const], after: newest?.id, signal: leaving.signal, onBreak };
    for await (const event of postern.events.follow(options)) heard.push(event);
  };
  const following = assert.rejects(follow(), { name: "AbortError" });
  const ids: string[] = [];
  for (let round = 1; round <= 3; round += 1) {
    ids.push((await postern.messages.send(mail)).id);
    await waitFor(() => heard.length >= round, { what: `event ${round}`, timeoutMs: 20_000 });
    way.cut();
  }
  await waitFor(() => breaks >= 3, { what: "the last break", timeoutMs: 20_000 });
  ids.push((await postern.messages.send(mail)).id);
  await waitFor(() => heard.length >= 4, { what: "event 4", timeoutMs: 20_000 });
  leaving.abort();
  await following;
  assert.deepEqual(
    heard.map(({ data }) => data.message_id),
    ids,
  );
});

test("a webhook is registered, verified, rotated, replayed and removed", async () => {
  const receiver = await startWebhookReceiver();
  try {
    const { id, secret } = await postern.webhooks.create({ url: receiver.url, events: ["message.sent"] });
    const message = await postern.messages.send(mail);
    const [request] = await receiver.waitForRequests(1, 20_000);
    assert.ok(request);
    const verify = (known: string) => module.verifyWebhook({ body: request.body, headers: request.headers, secret: known });
    assert.equal((await verify(secret)).data.message_id, message.id);
    const rotated = await postern.webhooks.rotateSecret(id);
    await assert.rejects(verify(rotated.secret), { code: "wrong_signature" });
    const [delivery] = await waitFor(
      async () => (await all(postern.webhooks.deliveries(id))).filter(({ status }) => status === "succeeded"),
      { what: "the delivery", timeoutMs: 10_000 },
    );
    await postern.webhooks.replayDelivery(id, delivery?.id ?? "");
    await receiver.waitForRequests(2, 20_000);
    assert.equal((await postern.webhooks.update(id, { description: "mine" })).description, "mine");
    assert.deepEqual(
      (await all(postern.webhooks.list())).map((webhook) => webhook.id),
      [id],
    );
    assert.equal(await postern.webhooks.delete(id), undefined);
    await assert.rejects(postern.webhooks.get(id), { status: 404 });
  } finally {
    await receiver.stop();
  }
});

test("suppressions are added, read, moved as files and lifted", async () => {
  await postern.suppressions.create({ address: "o'neil+a/b@example.net", list: "news" });
  assert.equal((await postern.suppressions.get("o'neil+a/b@example.net", { list: "news" })).list, "news");
  assert.equal((await postern.suppressions.import("email\nbob@example.net\n")).added, 1);
  const csv = await new Response(await postern.suppressions.export()).text();
  assert.ok(csv.includes("bob@example.net") && csv.includes("o'neil+a/b@example.net"), csv);
  await postern.suppressions.delete("o'neil+a/b@example.net", { list: "news" });
  assert.deepEqual(
    (await all(postern.suppressions.list({ address: "o'" }))).map(({ address }) => address),
    [],
  );
});

test("keys are made, used and revoked; relays are paused and resumed; replies and reports are explained", async () => {
  const { id, key } = await postern.keys.create({ name: "reader", scopes: ["read"] });
  const reader = module.createClient({ url: gateway.url, apiKey: key });
  assert.ok((await reader.messages.list({ limit: 1 }).page()).data.length > 0);
  assert.deepEqual((await reader.keys.self()).scopes, ["read"]);
  assert.ok((await reader.stats()).data.some(({ accepted }) => accepted > 0));
  await assert.rejects(reader.messages.send(mail), { status: 403, code: "forbidden" });
  await postern.keys.delete(id);
  const [relay] = await postern.relays.list();
  assert.ok(relay);
  for (const change of ["pause", "resume"] as const) assert.equal((await postern.relays[change](relay.name)).name, relay.name);
  const { category } = await postern.classify({ reply: "550 5.1.1 User unknown" });
  assert.equal(category, "invalid_recipient");
  const report = await postern.bounces.create("From: mailer-daemon@example.net\r\nSubject: hello\r\n\r\nnothing\r\n");
  assert.equal((await postern.bounces.get(report.id)).id, report.id);
});
