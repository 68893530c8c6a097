// Lists: every entry once, whatever the page size, also where many were stored in the same millisecond.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { sharedRedis } from "../support/redis.ts";
import { mail, openApp, type TestApp } from "./appForTests.ts";

const redis = await sharedRedis();
// All in one of three milliseconds.
let clock = 0;
const gateway = await openApp(redis, ({ prepare }) => {
  const start = prepare.now();
  return { prepare: { ...prepare, now: () => start + (clock++ % 900 < 300 ? 0 : clock % 900 < 600 ? 1 : 2) } };
});
after(() => gateway.close());

async function all(app: TestApp, path: string, limit: number): Promise<{ id: string }[][]> {
  const pages: { id: string }[][] = [];
  for (let after = ""; ; ) {
    const { status, body, text } = await app.ask("GET", `${path}${path.includes("?") ? "&" : "?"}limit=${limit}${after}`);
    assert.equal(status, 200, text);
    assert.equal(body.has_more, body.next_cursor !== null);
    pages.push(body.data);
    if (!body.has_more) return pages;
    after = `&after=${encodeURIComponent(body.next_cursor)}`;
  }
}

const count = 260;
const stored: string[] = [];

test("260 messages of three milliseconds are listed once each, newest first, whatever the limit", async () => {
  for (let sent = 0; sent < count; sent += 65) {
    const messages = Array.from({ length: 65 }, (_, index) =>
      mail({ subject: `${sent + index}`, tags: [(sent + index) % 50 === 0 ? "rare" : "common"] }),
    );
    const { body } = await gateway.ask("POST", "/v1/messages/batch", { body: { messages } });
    stored.push(...body.data.map((item: { id: string }) => item.id));
  }
  assert.equal(new Set(stored).size, count);
  for (const limit of [1, 7, 20, 100]) {
    const pages = await all(gateway, "/v1/messages", limit);
    const ids = pages.flat().map((message) => message.id);
    assert.deepEqual([...ids].sort(), [...stored].sort(), `limit ${limit}`);
    assert.ok(pages.slice(0, -1).every((page) => page.length === limit));
    const times = (pages.flat() as unknown as { created_at: string }[]).map((message) => message.created_at);
    assert.deepEqual(times, [...times].sort().reverse());
    assert.ok(new Set(times).size <= 3);
  }
});

test("a filtered list has every message that fits, and no other", async () => {
  for (const limit of [1, 4, 100]) {
    const pages = await all(gateway, "/v1/messages?tag=rare", limit);
    assert.equal(pages.flat().length, Math.ceil(count / 50));
  }
  assert.equal((await all(gateway, "/v1/messages?tag=none", 20)).flat().length, 0);
  assert.equal((await all(gateway, "/v1/messages?status=queued&recipient=ADA@Example.net", 100)).flat().length, count);
  assert.equal((await all(gateway, "/v1/messages?status=sent", 100)).flat().length, 0);
  assert.equal((await all(gateway, "/v1/messages?from=shop@example.com", 100)).flat().length, count);
  assert.equal((await all(gateway, "/v1/messages?created_after=2999-01-01T00:00:00Z", 100)).flat().length, 0);
});

test("an internationalised domain is found in either spelling", async () => {
  await gateway.ask("POST", "/v1/messages", { body: mail({ to: "ada@bücher.example" }) });
  for (const spelling of ["ada@bücher.example", "ada@xn--bcher-kva.example"]) {
    assert.equal((await all(gateway, `/v1/messages?recipient=${encodeURIComponent(spelling)}`, 20)).flat().length, 1);
  }
});

test("the log has every event once, oldest first, and goes on behind an event's id", async () => {
  for (const limit of [7, 100]) {
    const events = (await all(gateway, "/v1/events?type=message.accepted", limit)).flat() as unknown as {
      id: string;
      data: { sequence: number; message_id: string; tags: string[] };
    }[];
    const ids = events.map((event) => event.data.message_id);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(new Set(stored.filter((id) => !ids.includes(id))), new Set());
    const sequences = events.map((event) => event.data.sequence);
    assert.deepEqual(
      sequences,
      [...sequences].sort((a, b) => a - b),
    );
    assert.ok(events.every((event) => Array.isArray(event.data.tags)));
  }
  const whole = (await all(gateway, "/v1/events", 100)).flat();
  const { body } = await gateway.ask("GET", `/v1/events?after=${whole.at(-2)?.id}`);
  assert.deepEqual(
    body.data.map((event: { id: string }) => event.id),
    [whole.at(-1)?.id],
  );
  assert.deepEqual((await gateway.ask("GET", `/v1/events?after=${whole.at(-1)?.id}`)).body, {
    data: [],
    has_more: false,
    next_cursor: null,
  });
});

test("types are chosen by commas and by repeating", async () => {
  const later = new Date(Date.now() + 3_600_000).toISOString();
  await gateway.ask("POST", "/v1/messages", { body: mail({ send_at: later }) });
  const typesOf = async (query: string) =>
    new Set((await all(gateway, `/v1/events?${query}`, 100)).flat().map((event) => (event as unknown as { type: string }).type));
  assert.deepEqual(await typesOf("type=message.scheduled"), new Set(["message.scheduled"]));
  const both = new Set(["message.accepted", "message.scheduled"]);
  assert.deepEqual(await typesOf("type=message.scheduled,message.accepted"), both);
  assert.deepEqual(await typesOf("type=message.scheduled&type=message.accepted"), both);
  assert.deepEqual(await typesOf("type=message.sent"), new Set());
});

test("a message's own events are paged too", async () => {
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const { body } = await gateway.ask("POST", "/v1/messages", { body: mail({ send_at: later, tags: ["mine"] }) });
  assert.equal((await gateway.ask("POST", `/v1/messages/${body.id}/cancel`)).body.status, "cancelled");
  const pages = await all(gateway, `/v1/messages/${body.id}/events`, 1);
  const events = pages.flat() as unknown as { type: string; data: { message_id: string; tags: string[] } }[];
  assert.deepEqual(
    events.map((event) => event.type),
    ["message.accepted", "message.scheduled", "message.cancelled"],
  );
  assert.ok(events.every((event) => event.data.message_id === body.id && event.data.tags[0] === "mine"));
});
