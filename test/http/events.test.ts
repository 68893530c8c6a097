// The event stream: everything once and in order, at the seam between log and live too, and never more in memory than is bounded.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { StoredEvent } from "../../src/domain/events.ts";
import { createEventFeed } from "../../src/http/events/feed.ts";
import { sharedRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { assertProblem, bootstrapKey, mail, openApp } from "./appForTests.ts";
import { openStream } from "./eventStream.ts";

const redis = await sharedRedis();
const gateway = await openApp(redis);
const url = await gateway.app.listen({ host: "127.0.0.1", port: 0 });
after(() => gateway.close());

async function send(changes: Record<string, unknown> = {}, key = bootstrapKey): Promise<string> {
  const { status, body, text } = await gateway.ask("POST", "/v1/messages", { key, body: mail(changes) });
  assert.equal(status, 202, text);
  return body.id;
}

test("a stream begins now and carries each event as the list shows it", async () => {
  await send();
  const stream = await openStream(url, { key: bootstrapKey });
  assert.equal(stream.status, 200);
  assert.match(String(stream.headers["content-type"]), /^text\/event-stream/);
  assert.equal(stream.headers["cache-control"], "no-store");
  assert.ok(stream.headers["x-request-id"]);
  await waitFor(() => stream.lines.length > 0, { what: "the first line" });
  const [, place] = /^id: (\d+)\nretry: 2000$/.exec(stream.lines.join()) ?? [];
  assert.ok(place !== undefined);
  const id = await send({ tags: ["a"], metadata: { order: "7" } });
  const [seen] = await stream.seen(1);
  assert.equal(seen?.event, "message.accepted");
  assert.equal(seen?.id, seen?.data.id);
  assert.deepEqual([seen?.data.data.message_id, seen?.data.data.tags, seen?.data.data.metadata], [id, ["a"], { order: "7" }]);
  const listed = (await gateway.ask("GET", "/v1/events?limit=100")).body.data.at(-1);
  assert.deepEqual(seen?.data, listed);
  stream.close();
  // Whoever was cut off before the first event goes on from where the stream began.
  const again = await openStream(url, { key: bootstrapKey, headers: { "last-event-id": place } });
  assert.equal((await again.seen(1))[0]?.id, seen?.id);
  again.close();
});

test("after a break a client goes on behind its last event, by header or by parameter", async () => {
  const ids = [await send(), await send(), await send()];
  const all = (await gateway.ask("GET", "/v1/events?limit=100")).body.data as { id: string; data: { message_id: string } }[];
  const first = all.find((event) => event.data.message_id === ids[0])?.id ?? "";
  const ways = [{ headers: { "last-event-id": first } }, { path: `/v1/events/stream?after=${first}` }];
  // The header goes before the parameter: it is what an EventSource adds when it comes back to the same URL.
  const both = { path: `/v1/events/stream?after=${all.at(-1)?.id}`, headers: { "last-event-id": first } };
  for (const way of [...ways, both]) {
    const stream = await openStream(url, { key: bootstrapKey, ...way });
    const seen = await stream.seen(2);
    assert.deepEqual(
      seen.map((event) => event.data.data.message_id),
      ids.slice(1),
    );
    stream.close();
  }
});

test("at the seam between log and live nothing is missing, doubled or out of order", async () => {
  const start = (await gateway.ask("GET", "/v1/events?limit=100")).body.data.at(-1)?.id;
  const sent: string[] = [];
  for (let index = 0; index < 150; index++) sent.push(await send());
  let writing = true;
  const writer = (async () => {
    while (writing) sent.push(await send());
  })();
  const streams = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      await waitFor(() => sent.length >= 150 + index * 10, { what: "more events" });
      return openStream(url, { key: bootstrapKey, headers: { "last-event-id": start } });
    }),
  );
  await waitFor(() => sent.length > 300, { what: "300 messages", timeoutMs: 15_000 });
  writing = false;
  await writer;
  for (const stream of streams) {
    const seen = await stream.seen(sent.length, 10_000);
    assert.deepEqual(
      seen.map((event) => event.data.data.message_id),
      sent,
    );
    stream.close();
  }
});

test("only the wanted types are sent, and the stream goes on behind what was left out", async () => {
  const stream = await openStream(url, { key: bootstrapKey, path: "/v1/events/stream?type=message.scheduled,message.cancelled" });
  await send();
  const id = await send({ send_at: new Date(Date.now() + 60_000).toISOString() });
  await gateway.ask("POST", `/v1/messages/${id}/cancel`);
  const seen = await stream.seen(2);
  assert.deepEqual(
    seen.map((event) => event.event),
    ["message.scheduled", "message.cancelled"],
  );
  stream.close();
});

test("a tenant hears nothing of another's events", async () => {
  const [ours, theirs] = [await gateway.key({ tenant: "hearing-a" }), await gateway.key({ tenant: "hearing-b" })];
  const [first, second] = await Promise.all([
    openStream(url, { key: ours }),
    openStream(url, { key: theirs, path: "/v1/events/stream?after=0" }),
  ]);
  const [mine, other] = [await send({}, ours), await send({}, theirs)];
  assert.deepEqual(
    (await first.seen(1)).map((event) => event.data.data.message_id),
    [mine],
  );
  assert.deepEqual(
    (await second.seen(1)).map((event) => event.data.data.message_id),
    [other],
  );
  const again = await send({}, ours);
  await first.seen(2);
  assert.equal(first.events.at(-1)?.data.data.message_id, again);
  assert.equal(second.events.length, 1);
  first.close();
  second.close();
});

test("an id of a log before this one begins at the beginning", async () => {
  const beyond = "evt_0000000000zzzzzzzz00";
  const key = await gateway.key({ tenant: "anew" });
  const id = await send({}, key);
  const stream = await openStream(url, { key, headers: { "last-event-id": beyond } });
  assert.deepEqual(
    (await stream.seen(1)).map((event) => event.data.data.message_id),
    [id],
  );
  stream.close();
});

test("the log is followed only while somebody listens", async () => {
  let tails = 0;
  const { events } = gateway.dependencies;
  const counted = {
    newest: events.newest,
    tail: (after: number, onEvents: (batch: StoredEvent[]) => void) => {
      tails += 1;
      const tail = events.tail(after, onEvents);
      return {
        stop: () => {
          tails -= 1;
          tail.stop();
        },
      };
    },
  };
  const feed = createEventFeed(counted, gateway.dependencies.messages);
  const nobody = { onEvents: () => undefined, onEnd: () => undefined };
  const first = await feed.listen("default", { ...nobody });
  const second = await feed.listen("other", { ...nobody });
  assert.equal(tails, 1);
  first.stop();
  assert.equal(tails, 1);
  second.stop();
  await waitFor(() => tails === 0, { what: "the tail to end" });
  await feed.listen("default", { ...nobody });
  assert.equal(tails, 1);
  feed.stop();
  await waitFor(() => tails === 0, { what: "the tail to end" });
});

test("when the messages of live events cannot be read, streams end and lose nothing", async () => {
  let broken = false;
  const flaky = await openApp(redis, ({ messages, events }) => {
    const failing = {
      ...messages,
      records: async (ids: string[]) => {
        if (broken) throw new Error("Connection is closed.");
        return messages.records(ids);
      },
    };
    return { messages: failing, feed: createEventFeed(events, failing) };
  });
  const where = await flaky.app.listen({ host: "127.0.0.1", port: 0 });
  const stream = await openStream(where, { key: bootstrapKey });
  const first = (await flaky.ask("POST", "/v1/messages", { body: mail() })).body.id;
  const last = (await stream.seen(1)).at(-1)?.id ?? "";
  broken = true;
  const second = (await flaky.ask("POST", "/v1/messages", { body: mail() })).body.id;
  await waitFor(() => stream.ended(), { what: "the stream to end" });
  assert.deepEqual(
    stream.events.map((event) => event.data.data.message_id),
    [first],
  );
  broken = false;
  const again = await openStream(where, { key: bootstrapKey, headers: { "last-event-id": last } });
  assert.deepEqual(
    (await again.seen(1)).map((event) => event.data.data.message_id),
    [second],
  );
  again.close();
  await flaky.close();
});

test("a client that does not read is cut off, and goes on where it was when it comes back", async () => {
  const key = await gateway.key({ tenant: "slow" });
  const stream = await openStream(url, { key });
  await waitFor(() => stream.lines.length > 0, { what: "the first line" });
  stream.pause();
  const metadata = { filling: "x".repeat(3_900) };
  const sent: string[] = [];
  // What the kernel and both ends hold is some megabytes; then the process's own bound is reached.
  const heapBefore = process.memoryUsage().heapUsed;
  for (let batch = 0; batch < 12; batch++) {
    const { body } = await gateway.ask("POST", "/v1/messages/batch", {
      key,
      body: { messages: Array.from({ length: 200 }, () => mail({ metadata })) },
    });
    sent.push(...body.data.map((item: { id: string }) => item.id));
  }
  await waitFor(
    async () => {
      const connections = await new Promise<number>((resolve) => gateway.app.server.getConnections((_error, count) => resolve(count)));
      return connections === 0;
    },
    { what: "the slow client to be cut off", timeoutMs: 10_000 },
  );
  assert.ok(process.memoryUsage().heapUsed - heapBefore < 400 * 1024 * 1024);
  stream.resume();
  await waitFor(() => stream.ended(), { what: "the client to notice" });
  const last = stream.events.at(-1)?.id;
  assert.ok(stream.events.length < sent.length);
  const again = await openStream(url, {
    key,
    ...(last === undefined ? { path: "/v1/events/stream?after=0" } : { headers: { "last-event-id": last } }),
  });
  await again.seen(sent.length - stream.events.length, 20_000);
  const seen = [...stream.events, ...again.events].map((event) => event.data.data.message_id);
  assert.equal(new Set(seen).size, seen.length);
  assert.deepEqual([...seen].sort(), [...sent].sort());
  again.close();
});

test("streams beyond the cap are a 503 with Retry-After, and a place is free when one ends", async () => {
  const capped = await openApp(redis, ({ limits }) => ({ limits: { ...limits, streamsMax: 2 } }));
  const where = await capped.app.listen({ host: "127.0.0.1", port: 0 });
  const open = await Promise.all([openStream(where, { key: bootstrapKey }), openStream(where, { key: bootstrapKey })]);
  const refused = await capped.ask("GET", "/v1/events/stream");
  assertProblem(refused, 503, "overloaded");
  assert.equal(refused.headers["retry-after"], "5");
  open[0]?.close();
  await waitFor(
    async () => {
      const stream = await openStream(where, { key: bootstrapKey });
      if (stream.status === 200) return true;
      stream.close();
      return false;
    },
    { what: "a free place" },
  );
  await capped.close();
});

test("when the API closes, streams end in order and closing does not wait for them", async () => {
  const closing = await openApp(redis);
  const where = await closing.app.listen({ host: "127.0.0.1", port: 0 });
  const streams = await Promise.all(Array.from({ length: 3 }, () => openStream(where, { key: bootstrapKey })));
  await Promise.all(streams.map((stream) => waitFor(() => stream.lines.length > 0, { what: "the first line" })));
  const before = performance.now();
  await closing.close();
  assert.ok(performance.now() - before < 2_000);
  for (const stream of streams) await waitFor(() => stream.ended(), { what: "the stream to end" });
});

test("a HEAD of the stream does not hang", async () => {
  const { status, headers } = await gateway.ask("HEAD", "/v1/events/stream");
  assert.deepEqual([status, headers.allow], [405, "GET"]);
});
