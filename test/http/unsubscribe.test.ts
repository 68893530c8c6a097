// One-click unsubscribing: the link in the message, the page behind it, and what becomes of the next message.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createUnsubscribeLinks } from "../../src/accept/unsubscribeLinks.ts";
import { unsubscribeToken } from "../../src/domain/unsubscribeToken.ts";
import { createUnsubscribes } from "../../src/store/unsubscribes.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { type Answer, assertProblem, mail, openApp, type TestApp } from "./appForTests.ts";

let redis: TestRedis;
const opened: TestApp[] = [];

before(async () => {
  redis = await startRedis();
});
after(async () => {
  for (const app of opened) await app.close();
  await redis.stop();
});

async function open(change?: Parameters<typeof openApp>[1]): Promise<TestApp> {
  const app = await openApp(redis, change);
  opened.push(app);
  return app;
}

const base = "https://mail.example.com/postern";
const newsletter = (changes: object = {}) => mail({ unsubscribe: { list: "News" }, ...changes });
const form = { body: "List-Unsubscribe=One-Click", headers: { "content-type": "application/x-www-form-urlencoded" } };

/** Sends a message and returns it with the path of its link. */
async function send(app: TestApp, body: object, options: { key?: string } = {}) {
  const { status, body: message, text } = await app.ask("POST", "/v1/messages", { body, ...options });
  assert.equal(status, 202, text);
  const { text: raw } = await app.ask("GET", `/v1/messages/${message.id}/content`, options);
  const link = /^List-Unsubscribe: <(https:[^>]+)>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n/m.exec(raw)?.[1] ?? "";
  assert.ok(link.startsWith(`${base}/u/`), raw);
  assert.ok(raw.split("\r\n").every((line) => line.length <= 998));
  return { message, path: link.slice(base.length) };
}

function assertPage(answer: Answer, status: number, text: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.match(String(answer.headers["content-type"]), /^text\/html/);
  assert.match(answer.text, text);
  assert.doesNotMatch(answer.text, /<script/i);
  const policy = String(answer.headers["content-security-policy"]);
  assert.match(policy, /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/);
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.match(String(answer.headers["referrer-policy"]), /no-referrer/);
}

test("the link leaves the list by one click, once, and the next message to the list is suppressed, no other", async () => {
  const app = await open();
  const { message, path } = await send(app, newsletter());

  for (let look = 0; look < 3; look++)
    assertPage(await app.ask("GET", path, { key: null }), 200, /<b>ada@example\.net<\/b>.*<b>news<\/b>/s);
  assert.equal((await app.ask("GET", "/v1/suppressions")).body.data.length, 0, "looking changes nothing");

  assertPage(await app.ask("POST", path, { key: null, ...form }), 200, /You are unsubscribed/);
  assertPage(await app.ask("POST", path, { key: null, ...form }), 200, /You are unsubscribed/);
  const [standing, another] = (await app.ask("GET", "/v1/suppressions")).body.data;
  assert.equal(another, undefined);
  assert.deepEqual(
    [standing.address, standing.list, standing.reason, standing.source, standing.message_id],
    ["ada@example.net", "news", "unsubscribe", "link", message.id],
  );

  const { body: log } = await app.ask("GET", "/v1/events");
  assert.deepEqual(
    log.data.map((event: { type: string }) => event.type),
    ["message.accepted", "message.unsubscribed", "suppression.added"],
  );
  const [, told, added] = log.data;
  assert.deepEqual([told.data.recipient, told.data.message_id, told.data.suppression.list], ["ada@example.net", message.id, "news"]);
  assert.deepEqual([added.data.recipient, standing.event_id], ["ada@example.net", told.id]);
  assert.equal((await app.ask("GET", `/v1/messages/${message.id}/events`)).body.data.at(-1).type, "message.unsubscribed");

  const next = (await app.ask("POST", "/v1/messages", { body: newsletter({ to: "ADA@example.net" }) })).body;
  assert.equal(next.status, "suppressed");
  assert.equal(next.recipients[0].suppression.list, "news");
  assert.match(next.recipients[0].advice, /\?list=news/);
  assert.equal((await send(app, newsletter({ unsubscribe: { list: "offers" } }))).message.status, "in_progress");
  assert.equal((await app.ask("POST", "/v1/messages", { body: mail() })).body.status, "in_progress");

  assert.equal((await app.ask("DELETE", "/v1/suppressions/ada@example.net?list=news")).status, 204);
  assert.equal((await send(app, newsletter())).message.status, "in_progress");
});

test("mail programs may send the form in either form, or nothing at all", async () => {
  const app = await open();
  const multipart = {
    body: '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
    headers: { "content-type": "multipart/form-data; boundary=x" },
  };
  for (const [index, options] of [form, multipart, {}].entries()) {
    const { path } = await send(app, newsletter({ to: `user${index}@example.net` }));
    assertPage(await app.ask("POST", path, { key: null, ...options }), 200, /You are unsubscribed/);
  }
  assert.equal((await app.ask("GET", "/v1/suppressions?list=news")).body.data.length, 3);
  assert.equal((await app.ask("POST", "/u/x", { key: null, ...form, body: "x".repeat(17_000) })).status, 413);
  assertProblem(await app.ask("POST", "/v1/messages", form), 415, "unsupported_media_type");
});

test("a link that nobody here has signed leads nowhere, and one that is too old says so", async () => {
  const app = await open();
  const { path } = await send(app, newsletter());
  const claim = { tenant: "default", list: "news", address: "ada@example.net", messageId: `msg_${"0".repeat(26)}` };
  const [key = ""] = JSON.parse((await app.connection.redis.get(app.connection.keys.unsubscribeSecrets)) ?? "[]").map(
    (it: { secret: string }) => it.secret,
  );
  const forged = `/u/${unsubscribeToken(claim, Date.now() + 60_000, "k".repeat(32))}`;
  const expired = `/u/${unsubscribeToken(claim, Date.now() - 60_000, key)}`;
  for (const method of ["GET", "POST"]) {
    for (const wrong of [forged, path.slice(0, -1), `${path}x`, "/u/x", `/u/${"A".repeat(1_000)}`, "/u/%00"]) {
      assertPage(await app.ask(method, wrong, { key: null }), 404, /does not work/);
    }
    assertPage(await app.ask(method, expired, { key: null }), 410, /too old/);
  }
  assert.equal((await app.ask("GET", "/v1/suppressions")).body.data.length, 0);
});

test("each tenant's recipients leave its own lists", async () => {
  const app = await open();
  const key = await app.key({ tenant: "acme" });
  const { path } = await send(app, newsletter(), { key });
  await app.ask("POST", path, { key: null });
  assert.equal((await app.ask("GET", "/v1/suppressions", { key })).body.data.length, 1);
  assert.equal((await app.ask("GET", "/v1/suppressions")).body.data.length, 0);
  assert.equal((await app.ask("POST", "/v1/messages", { body: newsletter() })).body.status, "in_progress");
});

test("an address with HTML in it is shown as text", async () => {
  const app = await open();
  const { path } = await send(app, newsletter({ to: "a&b'c@example.net" }));
  assertPage(await app.ask("GET", path, { key: null }), 200, /<b>a&#38;b&#39;c@example\.net<\/b>/);
});

test("the link works when its message is long forgotten", async () => {
  const app = await open();
  const { message, path } = await send(app, newsletter());
  const { redis: client, keys } = app.connection;
  await client.del(keys.message(message.id), keys.bytes(message.id));
  assertPage(await app.ask("POST", path, { key: null }), 200, /You are unsubscribed/);
  assert.equal((await app.ask("GET", "/v1/events")).body.data[1].type, "message.unsubscribed");
  assert.equal(await client.exists(keys.message(message.id)), 0);
});

test("a raw message gets the link too, above what it says itself", async () => {
  const app = await open();
  const raw = Buffer.from("From: shop@example.com\r\nSubject: x\r\n\r\nHello\r\n").toString("base64");
  const envelope = { from: "shop@example.com", to: ["ada@example.net"] };
  const { body: message } = await app.ask("POST", "/v1/messages/raw", { body: { envelope, raw, unsubscribe: { list: "news" } } });
  const { text } = await app.ask("GET", `/v1/messages/${message.id}/content`);
  assert.match(
    text,
    /^Message-ID: .*\r\nDate: .*\r\nList-Unsubscribe: <https:.*>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFrom: shop/,
  );
});

test("what cannot have a link of its own is refused with the way out", async () => {
  const app = await open();
  const fault = async (path: string, body: object) => {
    const [first] = assertProblem(await app.ask("POST", path, { body }), 422, "invalid_request").errors;
    return `${first.pointer} ${first.code}`;
  };
  const two = { to: "ada@example.net", cc: "bob@example.net" };
  assert.equal(await fault("/v1/messages", newsletter(two)), "/unsubscribe one_recipient_needed");
  assert.equal(await fault("/v1/messages", newsletter({ unsubscribe: { list: "" } })), "/unsubscribe/list invalid_list");
  assert.equal(await fault("/v1/messages", newsletter({ unsubscribe: {} })), "/unsubscribe/list required");
  const headers = { "list-unsubscribe": "<mailto:x@example.com>" };
  assert.equal(await fault("/v1/messages", newsletter({ headers })), "/headers/list-unsubscribe invalid_header");
  assert.equal((await app.ask("POST", "/v1/messages", { body: mail({ headers }) })).status, 202);
  const raw = Buffer.from("From: shop@example.com\r\nList-Unsubscribe: <mailto:x@example.com>\r\n\r\nHello\r\n").toString("base64");
  const whole = { envelope: { from: "shop@example.com", to: ["ada@example.net"] }, raw, unsubscribe: { list: "news" } };
  assert.equal(await fault("/v1/messages/raw", whole), "/raw duplicate_header");
  const batch = await app.ask("POST", "/v1/messages/batch", { body: { messages: [newsletter(two), newsletter()] } });
  assert.deepEqual([batch.body.data[0].error.errors[0].code, typeof batch.body.data[1].id], ["one_recipient_needed", "string"]);

  const nowhere = await open(({ prepare }) => ({ prepare: { ...prepare, unsubscribeLinks: { link: async () => undefined } } }));
  const refused = assertProblem(await nowhere.ask("POST", "/v1/messages", { body: newsletter() }), 422, "invalid_request");
  assert.deepEqual([refused.errors[0].pointer, refused.errors[0].code], ["/unsubscribe", "no_public_url"]);
  assert.match(refused.detail, /PUBLIC_URL/);
});

test("secrets that the installation makes are shared by its processes, take turns, and are kept while a link of theirs is good", async () => {
  const app = await open();
  const { redis: client, keys, clock } = app.connection;
  const links = () => {
    const unsubscribes = createUnsubscribes(app.connection, { linkLifeMs: 1_000_000_000 });
    return createUnsubscribeLinks({ publicUrl: () => base, configuredSecrets: [], unsubscribes, now: clock.now });
  };
  const claim = { tenant: "default", list: "news", address: "ada@example.net", messageId: `msg_${"0".repeat(26)}` };
  const [one, other] = [links(), links()];
  const tokenOf = async (from: typeof one) => ((await from.link(claim)) ?? "").slice(`${base}/u/`.length);
  const early = await tokenOf(one);
  assert.equal((await other.read(early)).kind, "valid");

  const age = async (byMs: number) => {
    const stored = JSON.parse((await client.get(keys.unsubscribeSecrets)) ?? "[]") as { secret: string; at: number }[];
    await client.set(keys.unsubscribeSecrets, JSON.stringify(stored.map((it) => ({ ...it, at: it.at - byMs }))));
    return stored.length;
  };
  await age(91 * 86_400_000);
  const late = await tokenOf(links());
  assert.equal((await one.read(late)).kind, "valid", "though its own copy is older than the secret");
  assert.equal((await links().read(early)).kind, "valid");
  assert.equal(await age(91 * 86_400_000), 2);
  await tokenOf(links());
  assert.equal(await age(0), 2, "the first is gone: its links have run out");
  assert.equal((await links().read(early)).kind, "forged");
});

test("configured secrets sign instead: the first of them, and the links of the others and of the kept one stay good", async () => {
  const [old, newer, kept] = ["old".repeat(11), "new".repeat(11), "kept".repeat(11)];
  const links = (configuredSecrets: string[], keptSecrets: string[] = [kept]) =>
    createUnsubscribeLinks({
      ...{ publicUrl: () => base, configuredSecrets, now: Date.now },
      unsubscribes: { secrets: async () => keptSecrets },
    });
  const claim = { tenant: "default", list: "news", address: "ada@example.net", messageId: `msg_${"0".repeat(26)}` };
  const token = ((await links([old]).link(claim)) ?? "").slice(`${base}/u/`.length);
  assert.equal((await links([newer, old]).read(token)).kind, "valid");
  assert.equal((await links([newer]).read(token)).kind, "forged");
  const early = ((await links([]).link(claim)) ?? "").slice(`${base}/u/`.length);
  assert.equal((await links([newer]).read(early)).kind, "valid");
  assert.equal((await links([newer], []).read(early)).kind, "forged");
});

test("while the store is away the page says so, and the mail program is told to come again", async () => {
  const away = async () => {
    throw new Error("Connection is closed.");
  };
  const app = await open(({ unsubscribeLinks }) => ({ unsubscribes: { unsubscribe: away }, unsubscribeLinks: { ...unsubscribeLinks } }));
  const { path } = await send(app, newsletter());
  const answer = await app.ask("POST", path, { key: null });
  assertPage(answer, 503, /try again/);
  assert.equal(answer.headers["retry-after"], "5");
  const blind = await open(({ unsubscribeLinks }) => ({ unsubscribeLinks: { ...unsubscribeLinks, read: away } }));
  assertPage(await blind.ask("GET", path, { key: null }), 503, /try again/);
});
