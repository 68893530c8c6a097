// Captured mail: there in the sandbox, nowhere else; and what relays and messages show beside it.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { headerFields } from "../../src/http/captured/headerFields.ts";
import { sharedRedis } from "../support/redis.ts";
import { assertProblem, mail, openApp } from "./appForTests.ts";

const redis = await sharedRedis();
const gateway = await openApp(redis);
after(() => gateway.close());

const raw = Buffer.from("Subject: =?utf-8?q?caf=C3=A9?=\r\nX-Long: one\r\n two\r\n: nameless\r\nnonsense\r\n\r\nTo: nobody\r\n");
const message = {
  id: "cap_1",
  received_at: 1_700_000_000_000,
  envelope: { from: "a@example.com", to: ["b@example.net"] },
  from: "Ann <a@example.com>",
  subject: "café",
  size: raw.length,
};

test("outside the sandbox there is no captured mail", async () => {
  assertProblem(await gateway.ask("GET", "/v1/captured"), 404, "not_found");
  assertProblem(await gateway.ask("GET", "/v1/captured/cap_1"), 404, "not_found");
});

test("captured mail is listed page by page and shown with its bytes", async () => {
  const pages: unknown[] = [];
  const sandbox = await openApp(redis, () => ({
    captured: {
      list: async (page) => {
        pages.push(page);
        return page.after === undefined ? { data: [message], next: "cap_1" } : { data: [] };
      },
      get: async (id) => (id === "cap_1" ? { message, raw } : undefined),
    },
  }));
  const shown = { ...message, received_at: "2023-11-14T22:13:20.000Z" };
  assert.deepEqual((await sandbox.ask("GET", "/v1/captured?limit=1")).body, { data: [shown], has_more: true, next_cursor: "cap_1" });
  assert.deepEqual((await sandbox.ask("GET", "/v1/captured?limit=1&after=cap_1")).body, { data: [], has_more: false, next_cursor: null });
  assert.deepEqual(pages, [{ limit: 1 }, { limit: 1, after: "cap_1" }]);
  const whole = (await sandbox.ask("GET", "/v1/captured/cap_1")).body;
  assert.deepEqual(whole, {
    ...shown,
    headers: [
      { name: "Subject", value: "=?utf-8?q?caf=C3=A9?=" },
      { name: "X-Long", value: "one two" },
    ],
    raw: raw.toString("base64"),
  });
  assertProblem(await sandbox.ask("GET", "/v1/captured/cap_2"), 404, "not_found");
  await sandbox.close();
});

test("a header without end, and no header at all, are taken apart as far as they go", () => {
  assert.deepEqual(headerFields(Buffer.alloc(0)), []);
  assert.deepEqual(headerFields(Buffer.from("\r\nbody")), []);
  assert.equal(headerFields(Buffer.from("A: b\r\n".repeat(1_000_000))).length, 10_923);
});

test("a message's bytes are given out while they are kept, as a file that no browser runs", async () => {
  const { id } = (await gateway.ask("POST", "/v1/messages", { body: mail({ html: "<script>alert(1)</script>" }) })).body;
  const content = await gateway.ask("GET", `/v1/messages/${id}/content`);
  assert.deepEqual([content.status, content.headers["content-type"]], [200, "message/rfc822"]);
  assert.match(String(content.headers["content-disposition"]), /^attachment;/);
  assert.match(content.text, /^From: shop@example\.com\r\n/);
  assert.deepEqual((await gateway.ask("GET", `/v1/messages/${id}/attempts`)).body, { data: [], has_more: false, next_cursor: null });
  const { redis: client, keys } = gateway.connection;
  await client.del(keys.bytes(id));
  assertProblem(await gateway.ask("GET", `/v1/messages/${id}/content`), 410, "content_gone");
});

test("a message is rescheduled and cancelled until it is too late", async () => {
  const later = (ms: number) => new Date(Date.now() + ms).toISOString();
  const { id } = (await gateway.ask("POST", "/v1/messages", { body: mail({ send_at: later(60_000) }) })).body;
  const at = later(120_000);
  const moved = await gateway.ask("PATCH", `/v1/messages/${id}`, { body: { send_at: at } });
  assert.deepEqual([moved.status, moved.body.send_at, moved.body.status], [200, at, "scheduled"]);
  assert.equal((await gateway.ask("POST", `/v1/messages/${id}/cancel`)).body.status, "cancelled");
  assertProblem(await gateway.ask("POST", `/v1/messages/${id}/cancel`), 409, "too_late");
  assertProblem(await gateway.ask("POST", `/v1/messages/${id}/retry`), 409, "too_late");
  assertProblem(await gateway.ask("PATCH", `/v1/messages/${id}`, { body: { send_at: at } }), 409, "too_late");
  const past = await gateway.ask("PATCH", `/v1/messages/${id}`, { body: { send_at: "2001-01-01T00:00:00Z" } });
  assert.equal(assertProblem(past, 422, "invalid_request").errors[0].pointer, "/send_at");
  for (const path of ["cancel", "retry"]) assertProblem(await gateway.ask("POST", `/v1/messages/msg_0/${path}`), 404, "not_found");
});
