// Proves that events come out of a stream whole, wherever the network cuts it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readServerSentEvents, type ServerSentEvent } from "../../src/client/serverSentEvents.ts";

async function read(chunks: (string | Uint8Array)[]): Promise<ServerSentEvent[]> {
  async function* body() {
    for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  }
  const events: ServerSentEvent[] = [];
  for await (const event of readServerSentEvents(body())) events.push(event);
  return events;
}

const stream =
  ': hello\n\nid: 7\nretry: 1000\n\nid: e1\nevent: message.sent\ndata: {"to":"jörg"}\n\nid:e2\ndata:two\ndata: lines\n\ndata: cut off';
const expected = [
  { id: "7", event: "message", data: undefined },
  { id: "e1", event: "message.sent", data: '{"to":"jörg"}' },
  { id: "e2", event: "message", data: "two\nlines" },
];

test("the same events come whole, byte by byte and with either line end; comments and what is cut off are none", async () => {
  for (const text of [stream, stream.replaceAll("\n", "\r\n")]) {
    const bytes = Buffer.from(text);
    assert.deepEqual(await read([bytes]), expected);
    assert.deepEqual(await read([...bytes].map((byte) => Uint8Array.of(byte))), expected);
  }
});

test("a body that never ends a line is given up", async () => {
  const megabyte = "x".repeat(1024 * 1024);
  await assert.rejects(read(Array.from({ length: 5 }, () => megabyte)), /no stream of events/);
});
