import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, Client } from "../../src/dashboard/api/client.ts";
import { followEvents, readEvents } from "../../src/dashboard/api/eventStream.ts";
import type { Event } from "../../src/dashboard/api/wire.ts";

function bodyOf(...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
      controller.close();
    },
  });
}

test("events are read whole however their bytes are cut, and what is no event is passed over", async () => {
  const event = '{"id":"evt_1","type":"message.sent","word":"Grüße"}';
  const text = `retry: 2000\n\n: still here\n\nid: evt_0\n\nid: evt_1\nevent: message.sent\ndata: ${event}\n\n`;
  const bytes = new TextEncoder().encode(text);
  for (const cut of [1, 13, bytes.length - 12, bytes.length - 8, bytes.length - 1]) {
    const taken: [string, Event | undefined][] = [];
    await readEvents(bodyOf(bytes.slice(0, cut), bytes.slice(cut)), (...place) => taken.push(place));
    assert.deepEqual(
      taken,
      [
        ["evt_0", undefined],
        ["evt_1", JSON.parse(event)],
      ],
      `cut at ${cut}`,
    );
  }
});

test("after a break the stream goes on behind the last event, and ends for good when the key is refused", async () => {
  const asked: unknown[] = [];
  const states: string[] = [];
  const answers: Answer<ReadableStream<Uint8Array>>[] = [
    { ok: true, data: bodyOf('id: evt_7\ndata: {"id":"evt_7"}\n\n') },
    { ok: false, problem: { title: "", status: 401, detail: "", code: "unauthorized" } },
  ];
  const client = {
    open: async (_path, query) => {
      asked.push(query.after);
      return answers.shift() ?? assert.fail("asked once too often");
    },
  } as Partial<Client> as Client;
  const events: string[] = [];
  await followEvents(
    client,
    { after: "42", signal: new AbortController().signal },
    { onEvent: ({ id }) => events.push(id), onState: (state) => states.push(state) },
  );
  assert.deepEqual(asked, ["42", "evt_7"]);
  assert.deepEqual(events, ["evt_7"]);
  assert.deepEqual(states, ["live", "away"]);
});

test("who begins now is told so once, before any event, and comes back to that place though nothing happened until then", async () => {
  const asked: unknown[] = [];
  const heard: string[] = [];
  const end = new AbortController();
  const client = {
    open: async (_path, query) => {
      asked.push(query.after);
      if (asked.length === 1) return { ok: true, data: bodyOf("id: evt_3\n\n") };
      end.abort();
      return { ok: true, data: bodyOf('id: evt_3\n\nid: evt_4\ndata: {"id":"evt_4"}\n\n') };
    },
  } as Partial<Client> as Client;
  const onBegin = () => heard.push("begin");
  await followEvents(client, { signal: end.signal }, { onBegin, onEvent: ({ id }) => heard.push(id), onState: () => undefined });
  assert.deepEqual(asked, [undefined, "evt_3"]);
  assert.deepEqual(heard, ["begin", "evt_4"]);
});
