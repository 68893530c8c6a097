// What a hostile or broken client can hold of a process by its connections: a bounded number of them, for a bounded time.
import assert from "node:assert/strict";
import { type AddressInfo, connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { sharedRedis } from "../support/redis.ts";
import { waitFor } from "../support/waitFor.ts";
import { bootstrapKey, mail, openApp, type TestApp } from "./appForTests.ts";

const redis = await sharedRedis();
const opened: TestApp[] = [];
after(async () => {
  for (const app of opened) await app.close();
});

/** An API that listens, with times short enough to be waited for. */
async function listening(...options: Parameters<typeof openApp> extends [unknown, ...infer Rest] ? Rest : never) {
  const app = await openApp(redis, ...options);
  opened.push(app);
  const url = await app.app.listen({ host: "127.0.0.1", port: 0 });
  return { ...app, url, port: (app.app.server.address() as AddressInfo).port };
}

type Client = { socket: Socket; received(): string; closed(): boolean };

function open(port: number): Promise<Client> {
  return new Promise((resolve) => {
    let received = "";
    let closed = false;
    const socket = connect(port, "127.0.0.1");
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      closed = true;
    });
    const client = { socket, received: () => received, closed: () => closed };
    socket.once("connect", () => resolve(client));
    socket.once("close", () => resolve(client));
  });
}

/** Sends a byte of `text` now and then until the connection is closed. */
function trickle({ socket, closed }: Client, text: string, everyMs: number): void {
  let next = 0;
  const timer = setInterval(() => {
    if (closed() || next >= text.length) clearInterval(timer);
    else socket.write(text[next++] as string);
  }, everyMs);
}

const head = (length: number) =>
  `POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bootstrapKey}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

test("headers that trickle in, and connections that say nothing, are ended after a fixed time, however lively they are", async () => {
  const { port } = await listening(undefined, { headers: 400, request: 2_000, check: 50 });
  const silent = await open(port);
  const trickling = await Promise.all(Array.from({ length: 20 }, () => open(port)));
  for (const client of trickling) trickle(client, `GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(10_000)}`, 20);
  const startedAt = performance.now();
  await waitFor(() => silent.closed() && trickling.every((client) => client.closed()), { what: "all of them to be closed" });
  assert.ok(performance.now() - startedAt < 5_000);
  for (const { received } of [silent, ...trickling]) {
    assert.match(received(), /^HTTP\/1\.1 408 /);
    assert.match(received(), /"code":"request_timeout"/);
  }
});

test("a body that trickles in is ended after a fixed time, nothing is stored, and its share of the memory is free again", async () => {
  const app = await listening(({ limits }) => ({ limits: { ...limits, bodiesBytesMax: 1_000_000 } }), {
    headers: 200,
    request: 800,
    check: 50,
  });
  const body = JSON.stringify(mail({ text: "x\n".repeat(300_000) }));
  const client = await open(app.port);
  client.socket.write(head(body.length) + body.slice(0, 1_000));
  trickle(client, body.slice(1_000, 2_000), 20);
  const post = () =>
    fetch(`${app.url}/v1/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${bootstrapKey}`, "content-type": "application/json" },
      body,
    });
  await waitFor(async () => (await post()).status === 503, { what: "the memory to be taken" });
  await waitFor(() => client.closed(), { what: "the connection to be closed" });
  assert.match(client.received(), /^HTTP\/1\.1 408 /);
  assert.equal(await app.stored(), 0);
  await waitFor(async () => (await post()).status === 202, { what: "the memory to be free" });
});

test("a thousand idle connections take no more than their places: those at work go on, one too many is closed at once, and all end by themselves", async () => {
  const places = 500;
  const app = await listening(({ limits }) => ({ limits: { ...limits, connections: places } }), {
    headers: 5_000,
    request: 5_000,
    check: 100,
  });
  // One that was there before keeps its connection.
  const busy = await open(app.port);
  const ask = async () => {
    const before = busy.received().length;
    busy.socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    await waitFor(() => busy.received().length > before, { what: "an answer" });
    assert.match(busy.received().slice(before), /^HTTP\/1\.1 200 /);
  };
  await ask();
  const idle: Client[] = [];
  for (let group = 0; group < 10; group++) idle.push(...(await Promise.all(Array.from({ length: 100 }, () => open(app.port)))));
  await waitFor(() => idle.filter((client) => client.closed()).length >= 1_001 - places, { what: "those beyond to be closed" });
  await ask();
  assert.ok(app.dropped() >= 1_001 - places, `${app.dropped()} were dropped`);
  await waitFor(() => idle.every((client) => client.closed()), { what: "the idle ones to be ended", timeoutMs: 30_000 });
  assert.equal((await fetch(`${app.url}/livez`)).status, 200);
  busy.socket.destroy();
});

async function largeContent(timeouts: Parameters<typeof openApp>[2]) {
  const large = 16 * 1024 * 1024;
  const app = await listening(
    (whole) => ({
      limits: { ...whole.limits, messageBytesMax: large },
      prepare: { ...whole.prepare, maxMessageSizeBytes: large },
    }),
    timeouts,
  );
  const text = `From: a@example.com\r\nTo: b@example.net\r\n\r\n${`${"x".repeat(76)}\r\n`.repeat(200_000)}`;
  const headers = { "content-type": "message/rfc822", "x-envelope-from": "a@example.com", "x-envelope-to": "b@example.net" };
  const { body } = await app.ask("POST", "/v1/messages/raw", { body: Buffer.from(text), headers });
  const client = await open(app.port);
  client.socket.pause();
  client.socket.write(`GET /v1/messages/${body.id}/content HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bootstrapKey}\r\n\r\n`);
  return { app, client, size: text.length };
}

const connectionsOf = ({ app }: TestApp) => new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)));

test("a client that takes nothing of its answer is ended once nothing has moved for a while", async () => {
  const { app, client, size } = await largeContent({ silence: 2_000 });
  await waitFor(async () => (await connectionsOf(app)) === 0, { what: "the connection to be ended", timeoutMs: 20_000 });
  client.socket.resume();
  await waitFor(() => client.closed(), { what: "its end to be seen" });
  assert.ok(client.received().length > 0 && client.received().length < size, "the answer was cut off");
});

test("a client that takes its answer bit by bit is ended after a fixed time, however lively it is", async () => {
  const { app, client, size } = await largeContent({ silence: 5_000, answer: 1_500 });
  const sip = setInterval(() => {
    client.socket.resume();
    setImmediate(() => client.socket.pause());
  }, 300);
  await waitFor(async () => (await connectionsOf(app)) === 0, { what: "the connection to be ended", timeoutMs: 20_000 });
  clearInterval(sip);
  client.socket.resume();
  await waitFor(() => client.closed(), { what: "its end to be seen" });
  assert.ok(client.received().length > 0 && client.received().length < size, `${client.received().length} of ${size} arrived`);
});
