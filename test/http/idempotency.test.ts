// The same request twice is one message, however it comes about.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { sharedRedis } from "../support/redis.ts";
import { assertProblem, mail, openApp } from "./appForTests.ts";

const redis = await sharedRedis();
const gateway = await openApp(redis);
after(() => gateway.close());

let names = 0;
function freshKey() {
  names += 1;
  return { "idempotency-key": `key ${names}` };
}

function signal(): { given: Promise<void>; give(): void } {
  let give = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

test("the same key and body give the first answer again and store nothing", async () => {
  const headers = freshKey();
  const before = await gateway.stored();
  const observed = gateway.accepted.length;
  const first = await gateway.ask("POST", "/v1/messages", { body: mail(), headers });
  const woken = gateway.woken.length;
  // The order of members is no difference.
  const again = await gateway.ask("POST", "/v1/messages", { body: Object.fromEntries(Object.entries(mail()).reverse()), headers });
  assert.equal(first.headers["idempotent-replayed"], undefined);
  assert.equal(again.headers["idempotent-replayed"], "true");
  assert.deepEqual([again.status, again.body, again.headers.location], [202, first.body, first.headers.location]);
  assert.equal(await gateway.stored(), before + 1);
  assert.equal(gateway.woken.length, woken);
  assert.equal(gateway.accepted.length, observed + 1);
});

test("the same key with another body is a 422, and with another path another key", async () => {
  const headers = freshKey();
  await gateway.ask("POST", "/v1/messages", { body: mail(), headers });
  assertProblem(await gateway.ask("POST", "/v1/messages", { body: mail({ subject: "Other" }), headers }), 422, "idempotency_key_reused");
  assert.equal((await gateway.ask("POST", "/v1/messages/batch", { body: { messages: [mail()] }, headers })).status, 200);
});

test("of many requests with one key at a time one is stored, and all get its answer", async () => {
  const headers = freshKey();
  const before = await gateway.stored();
  const answers = await Promise.all(Array.from({ length: 12 }, () => gateway.ask("POST", "/v1/messages", { body: mail(), headers })));
  assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([202]));
  assert.equal(new Set(answers.map((answer) => answer.body.id)).size, 1);
  assert.equal(answers.filter((answer) => answer.headers["idempotent-replayed"] === undefined).length, 1);
  assert.equal(await gateway.stored(), before + 1);
});

test("a refusal is not kept: the mended request with the same key is accepted", async () => {
  const headers = freshKey();
  assertProblem(await gateway.ask("POST", "/v1/messages", { body: mail({ to: "nobody" }), headers }), 422, "invalid_request");
  assert.equal((await gateway.ask("POST", "/v1/messages", { body: mail(), headers })).status, 202);
});

test("a scheduled message's first answer is given also when its time has passed", async () => {
  let aheadMs = 0;
  const later = await openApp(redis, ({ prepare }) => ({ prepare: { ...prepare, now: () => prepare.now() + aheadMs } }));
  const headers = freshKey();
  const body = mail({ send_at: new Date(Date.now() + 60_000).toISOString() });
  const raw = {
    envelope: { from: "a@example.com", to: ["b@example.net"] },
    raw: "RnJvbTogYUBleGFtcGxlLmNvbQ0KDQpoaQ0K",
    send_at: body.send_at,
  };
  const first = await later.ask("POST", "/v1/messages", { body, headers });
  const firstRaw = await later.ask("POST", "/v1/messages/raw", { body: raw, headers });
  assert.deepEqual([first.status, firstRaw.status], [202, 202]);
  aheadMs = 3_600_000;
  assert.deepEqual((await later.ask("POST", "/v1/messages", { body, headers })).body, first.body);
  assert.deepEqual((await later.ask("POST", "/v1/messages/raw", { body: raw, headers })).body, firstRaw.body);
  assertProblem(await later.ask("POST", "/v1/messages", { body: { ...body, subject: "Other" }, headers }), 422, "invalid_request");
  assertProblem(await later.ask("POST", "/v1/messages", { body, headers: freshKey() }), 422, "invalid_request");
  await later.close();
});

test("a raw message is compared by its bytes, as JSON and as itself", async () => {
  const message = "From: a@example.com\r\nTo: b@example.net\r\n\r\nhi\r\n";
  const envelope = { "content-type": "message/rfc822", "x-envelope-from": "a@example.com", "x-envelope-to": "b@example.net" };
  const headers = { ...envelope, ...freshKey() };
  const first = await gateway.ask("POST", "/v1/messages/raw", { body: message, headers });
  assert.equal(first.status, 202);
  assert.equal((await gateway.ask("POST", "/v1/messages/raw", { body: message, headers })).body.id, first.body.id);
  assertProblem(await gateway.ask("POST", "/v1/messages/raw", { body: `${message}more\r\n`, headers }), 422, "idempotency_key_reused");
  const others = { ...headers, "x-envelope-to": "c@example.net" };
  assertProblem(await gateway.ask("POST", "/v1/messages/raw", { body: message, headers: others }), 422, "idempotency_key_reused");
});

test("a large file is the same however its base64 is written, and another file is another body", async () => {
  const file = Buffer.alloc(100_000, "some file?>").toString("base64");
  assert.match(file, /\//);
  const body = (content: string) => JSON.stringify(mail({ attachments: [{ filename: "a.bin", content: "" }] })).replace('""', content);
  const ask = (content: string) =>
    gateway.ask("POST", "/v1/messages", { body: body(content), headers: { "idempotency-key": "large-file" } });
  const first = await ask(`"${file}"`);
  assert.equal(first.status, 202, first.text);
  const again = await ask(`"${file.replaceAll("/", "\\/")}"`);
  assert.equal(again.headers["idempotent-replayed"], "true");
  assert.equal(again.body.id, first.body.id);
  const other = await ask(`"A${file.slice(1)}"`);
  assertProblem(other, 422, "idempotency_key_reused");
  const content = await gateway.ask("GET", `/v1/messages/${first.body.id}/content`);
  assert.ok(content.text.includes((file.match(/.{1,76}/g) ?? []).join("\r\n")), "the file is in the message");
});

test("a dry run uses up no key and stores nothing", async () => {
  const headers = freshKey();
  const before = await gateway.stored();
  const dry = await gateway.ask("POST", "/v1/messages?dry_run=true", { body: mail(), headers });
  assert.equal(dry.status, 200);
  assert.match(Buffer.from(dry.body.raw, "base64").toString(), /^From: shop@example\.com\r\n/);
  assert.equal(await gateway.stored(), before);
  assert.equal((await gateway.ask("POST", "/v1/messages", { body: mail(), headers })).headers["idempotent-replayed"], undefined);
});

test("a batch is given its first answer again, faults included", async () => {
  const headers = freshKey();
  const body = { messages: [mail(), mail({ to: "nobody" }), mail({ lane: "broadcast" })] };
  const before = await gateway.stored();
  const observed = gateway.accepted.length;
  const first = await gateway.ask("POST", "/v1/messages/batch", { body, headers });
  const again = await gateway.ask("POST", "/v1/messages/batch", { body, headers });
  assert.equal(again.headers["idempotent-replayed"], "true");
  assert.deepEqual(again.body, first.body);
  assert.equal(await gateway.stored(), before + 2);
  assert.deepEqual(gateway.accepted.slice(observed).sort(), ["broadcast", "transactional"]);
  assertProblem(await gateway.ask("POST", "/v1/messages/batch", { body: { messages: [mail()] }, headers }), 422, "idempotency_key_reused");
});

test("a batch that is still being worked on is a 409", async () => {
  const reached = signal();
  const goOn = signal();
  const slow = await openApp(redis, ({ ledger }) => ({
    ledger: {
      ...ledger,
      accept: async (input) => {
        reached.give();
        await goOn.given;
        return ledger.accept(input);
      },
    },
  }));
  const headers = freshKey();
  const body = { messages: [mail()] };
  const first = slow.ask("POST", "/v1/messages/batch", { body, headers });
  await reached.given;
  const second = await slow.ask("POST", "/v1/messages/batch", { body, headers });
  assertProblem(second, 409, "idempotency_in_progress");
  assert.equal(second.headers["retry-after"], "1");
  goOn.give();
  assert.equal((await first).status, 200);
  assert.equal((await slow.ask("POST", "/v1/messages/batch", { body, headers })).headers["idempotent-replayed"], "true");
  await slow.close();
});

test("a batch that was cut off half-way doubles nothing when it is sent again", async () => {
  let calls = 0;
  let isAway = true;
  const broken = await openApp(redis, ({ ledger }) => ({
    ledger: {
      ...ledger,
      accept: async (input) => {
        calls += 1;
        // From the eleventh on Redis is away, until the batch is sent again.
        if (calls > 10 && isAway) throw new Error("Connection is closed.");
        return ledger.accept(input);
      },
    },
  }));
  const headers = freshKey();
  const body = { messages: Array.from({ length: 30 }, (_, index) => mail({ subject: `number ${index}` })) };
  const first = await broken.ask("POST", "/v1/messages/batch", { body, headers });
  assert.equal(first.status, 200);
  const missed = first.body.data.filter((item: { error?: { code: string } }) => item.error?.code === "unavailable");
  assert.equal(missed.length, 20);
  assert.equal(await broken.stored(), 10);
  isAway = false;
  const again = await broken.ask("POST", "/v1/messages/batch", { body, headers });
  assert.deepEqual(
    again.body.data.map((item: { error?: unknown }) => item.error),
    Array.from({ length: 30 }),
  );
  assert.equal(await broken.stored(), 30);
  const kept = first.body.data.filter((item: { id?: string }) => item.id !== undefined);
  for (const { index, id } of kept) assert.equal(again.body.data[index].id, id);
  await broken.close();
});
