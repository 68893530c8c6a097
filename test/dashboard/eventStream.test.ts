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
  const text = 'retry: 2000\n\n: still here\n\nid: 1\nevent: message.sent\ndata: {"id":"evt_1","type":"message.sent","word":"Grüße"}\n\n';
  const bytes = new TextEncoder().encode(text);
  for (const cut of [1, 13, bytes.length - 12, bytes.length - 8, bytes.length - 1]) {
    const events: Event[] = [];
    await readEvents(bodyOf(bytes.slice(0, cut), bytes.slice(cut)), (event) => events.push(event));
    assert.deepEqual(events, [{ id: "evt_1", type: "message.sent", word: "Grüße" }], `cut at ${cut}`);
  }
});

test("after a break the stream goes on behind the last event, and ends for good when the key is refused", async () => {
  const asked: unknown[] = [];
  const states: string[] = [];
  const answers: Answer<ReadableStream<Uint8Array>>[] = [
    { ok: true, data: bodyOf('data: {"id":"evt_7"}\n\n') },
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
