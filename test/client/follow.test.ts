// Lists and the event stream: everything comes once and in order, over pages and over broken connections.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Event } from "../../src/client/client.ts";
import { type Act, refused, startAnswering } from "./answering.ts";

const stream =
  (blocks: string[], rest?: string): Act =>
  (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(blocks.map((block) => `${block}\n\n`).join(""));
    if (rest === "cut") response.write("id: evt_2\ndata: {", () => response.destroy());
    else if (rest !== undefined) response.end(rest);
  };
const eventBlock = (id: string) => `id: ${id}\nevent: message.sent\ndata: ${JSON.stringify({ id, type: "message.sent" })}`;

async function idsOf(events: AsyncIterable<Event>, count: number): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of events) if (ids.push(id) === count) break;
  return ids;
}

test("a list is read page by page with its filters, past an empty page, and no further than it is asked for", async (t) => {
  const page = (ids: string[], next: string | null): Act => ({
    status: 200,
    body: { data: ids.map((id) => ({ id })), has_more: next !== null, next_cursor: next },
  });
  const acts = [page(["a", "b"], "1.msg_b"), page([], "2.msg_x"), page(["c"], null)];
  const { client, asked } = await startAnswering(t, [...acts, ...acts]);
  const ids: string[] = [];
  const list = client.messages.list({ status: "bounced", tag: "a&b", limit: 2, from: undefined });
  assert.equal(asked.length, 0);
  for await (const { id } of list) ids.push(id);
  assert.deepEqual(ids, ["a", "b", "c"]);
  assert.deepEqual(
    asked.map(({ path }) => path),
    ["", "&after=1.msg_b", "&after=2.msg_x"].map((after) => `/v1/messages?status=bounced&tag=a%26b&limit=2${after}`),
  );
  for await (const { id } of list) if (id === "a") break;
  assert.equal(asked.length, 4);
  const { data, next_cursor } = await client.messages.list({ after: "1.msg_b" }).page();
  assert.deepEqual([data, next_cursor, asked[4]?.path], [[], "2.msg_x", "/v1/messages?after=1.msg_b"]);
});

test("a stream that breaks is taken up behind the last event, or behind where it began, and whoever wants is told", async (t) => {
  const { client, asked } = await startAnswering(t, [
    stream(["id: 7\nretry: 1"], ""),
    stream([eventBlock("evt_1"), ": still here"], "cut"),
    refused(503, "unavailable", { "retry-after": "0" }),
    stream([eventBlock("evt_2"), eventBlock("evt_3")]),
  ]);
  const breaks: (string | undefined)[] = [];
  const events = client.events.follow({ types: ["message.sent", "message.bounced"], onBreak: (error) => breaks.push(error?.code) });
  assert.deepEqual(await idsOf(events, 3), ["evt_1", "evt_2", "evt_3"]);
  assert.deepEqual(
    asked.map(({ path }) => path),
    ["", "&after=7", "&after=evt_1", "&after=evt_1"].map((after) => `/v1/events/stream?type=message.sent%2Cmessage.bounced${after}`),
  );
  assert.deepEqual(breaks, [undefined, "no_answer", "unavailable"]);
});

test("a stream that is refused for good is an error, also later; one that never began is tried as any call is", async (t) => {
  const { client, asked } = await startAnswering(
    t,
    [refused(403, "forbidden"), stream([eventBlock("evt_1")], ""), refused(401, "unauthorized"), "cut"],
    { retries: 0 },
  );
  await assert.rejects(idsOf(client.events.follow(), 1), { code: "forbidden" });
  await assert.rejects(idsOf(client.events.follow({ after: "evt_0" }), 2), { code: "unauthorized" });
  assert.deepEqual([asked[1]?.path, asked[2]?.path], ["/v1/events/stream?after=evt_0", "/v1/events/stream?after=evt_1"]);
  await assert.rejects(idsOf(client.events.follow(), 1), { code: "no_answer" });
});

test("who leaves the loop, or aborts, closes the connection", async (t) => {
  let closed = 0;
  const open: Act = (response) => {
    response.once("close", () => {
      closed += 1;
    });
    response.writeHead(200, { "content-type": "text/event-stream" }).write(`${eventBlock("evt_1")}\n\n`);
  };
  const { client } = await startAnswering(t, [open]);
  await idsOf(client.events.follow(), 1);
  const leaving = new AbortController();
  const why = new Error("enough");
  const breaks: unknown[] = [];
  const following = (async () => {
    for await (const _event of client.events.follow({ signal: leaving.signal, onBreak: (error) => breaks.push(error) })) leaving.abort(why);
  })();
  await assert.rejects(following, (error) => error === why);
  const later = new AbortController();
  const waiting = idsOf(client.events.follow({ signal: later.signal }), 2);
  setImmediate(() => later.abort(why));
  await assert.rejects(waiting, (error) => error === why);
  while (closed < 2) await new Promise(setImmediate);
  assert.deepEqual(breaks, []);
});
