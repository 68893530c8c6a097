import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { startProxy, type TcpProxy } from "./proxy.ts";
import { waitFor } from "./waitFor.ts";

/** A server that answers each line with the same line in capitals, behind a proxy; `heard` is what reached it. */
async function setUp(t: TestContext): Promise<{ proxy: TcpProxy; heard: () => string; client: () => Promise<Client> }> {
  let heard = "";
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      heard += chunk.toString();
      socket.write(chunk.toString().toUpperCase());
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy = await startProxy({ target: { port: (server.address() as { port: number }).port } });
  t.after(async () => {
    await proxy.stop();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { proxy, heard: () => heard, client: () => openClient(t, proxy.port) };
}

type Client = { socket: Socket; text: () => string; fault: () => string | undefined; ended: () => boolean };

async function openClient(t: TestContext, port: number): Promise<Client> {
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  let text = "";
  let fault: string | undefined;
  let ended = false;
  socket.on("data", (chunk) => {
    text += chunk.toString();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    fault = error.code;
  });
  socket.on("end", () => {
    ended = true;
  });
  await once(socket, "connect").catch(() => {});
  return { socket, text: () => text, fault: () => fault, ended: () => ended };
}

test("bytes pass in both directions, are counted, and an end of one side reaches the other", async (t) => {
  const { proxy, client } = await setUp(t);
  const one = await client();
  one.socket.write("hello");
  await waitFor(() => one.text() === "HELLO", { what: "the answer" });
  assert.deepEqual(proxy.bytes, { toTarget: 5, fromTarget: 5 });
  assert.equal(proxy.openConnections(), 1);
  one.socket.end();
  await waitFor(() => one.ended() && proxy.openConnections() === 0, { what: "the connection to end" });
  assert.equal(proxy.connectionsTaken(), 1);
});

test("cut resets what is open, and new connections work", async (t) => {
  const { proxy, client } = await setUp(t);
  const [one, two] = [await client(), await client()];
  one.socket.write("a");
  await waitFor(() => one.text() === "A" && proxy.openConnections() === 2, { what: "both connections" });
  proxy.cut();
  await waitFor(() => one.fault() === "ECONNRESET" && two.fault() === "ECONNRESET", { what: "the resets" });
  const three = await client();
  three.socket.write("b");
  await waitFor(() => three.text() === "B", { what: "an answer on a new connection" });
});

test("a paused proxy passes nothing, for old and new connections, and resume passes on what waited", async (t) => {
  const { proxy, heard, client } = await setUp(t);
  const one = await client();
  one.socket.write("a");
  await waitFor(() => one.text() === "A", { what: "the first answer" });
  proxy.pause();
  const two = await client();
  one.socket.write("b");
  two.socket.write("c");
  await waitFor(() => proxy.openConnections() === 2 && one.socket.writableLength + two.socket.writableLength === 0, { what: "the writes" });
  // A round trip through another proxy to the same kind of server is more than enough time for a byte to slip through.
  const other = await setUp(t);
  const witness = await other.client();
  witness.socket.write("w");
  await waitFor(() => witness.text() === "W", { what: "the witness" });
  assert.equal(heard(), "a");
  assert.deepEqual(proxy.bytes, { toTarget: 1, fromTarget: 1 });
  proxy.resume();
  await waitFor(() => one.text() === "AB" && two.text() === "C", { what: "what waited" });
});

test("a refusing proxy turns new connections away, keeps the open ones, and accepts again on the same port", async (t) => {
  const { proxy, client } = await setUp(t);
  const one = await client();
  await waitFor(() => proxy.openConnections() === 1, { what: "the first connection" });
  await proxy.refuse();
  assert.equal((await client()).fault(), "ECONNREFUSED");
  one.socket.write("a");
  await waitFor(() => one.text() === "A", { what: "an answer on the open connection" });
  await proxy.accept();
  const two = await client();
  two.socket.write("b");
  await waitFor(() => two.text() === "B", { what: "an answer after accept" });
});

test("after the pattern, also one split over two writes, the target hears everything and the client nothing", async (t) => {
  const { proxy, heard, client } = await setUp(t);
  const rule = proxy.dropRepliesAfter("\r\n.\r\n", { times: 1 });
  const one = await client();
  one.socket.write("mail\r");
  await waitFor(() => one.text() === "MAIL\r", { what: "the answer before the pattern" });
  one.socket.write("\n.\r\nmore");
  await waitFor(() => heard() === "mail\r\n.\r\nmore", { what: "the target to hear it all" });
  assert.equal(rule.seen(), 1);
  const two = await client();
  two.socket.write("x\r\n.\r\n");
  await waitFor(() => two.text() === "X\r\n.\r\n", { what: "the second connection, which is left alone" });
  assert.equal(one.text(), "MAIL\r");
});

test("with cutAtReply the lost reply comes as a reset, until the rule is cleared", async (t) => {
  const { proxy, heard, client } = await setUp(t);
  const rule = proxy.dropRepliesAfter("evalsha", { cutAtReply: true });
  const one = await client();
  one.socket.write("evalsha");
  await waitFor(() => one.fault() === "ECONNRESET", { what: "the reset" });
  assert.equal(heard(), "evalsha");
  assert.equal(one.text(), "");
  rule.clear();
  const two = await client();
  two.socket.write("evalsha");
  await waitFor(() => two.text() === "EVALSHA", { what: "the answer after clear" });
});

test("while requests are held replies still come, and resume passes on what waited, also what its client has given up", async (t) => {
  const { proxy, heard, client } = await setUp(t);
  const one = await client();
  one.socket.write("a");
  await waitFor(() => heard() === "a", { what: "the first request" });
  proxy.holdRequests();
  await waitFor(() => one.text() === "A", { what: "its answer" });
  const two = await client();
  one.socket.write("b");
  two.socket.write("c");
  await waitFor(() => one.socket.writableLength + two.socket.writableLength === 0, { what: "the writes" });
  two.socket.destroy();
  await waitFor(() => proxy.openConnections() === 2, { what: "both connections" });
  assert.equal(heard(), "a");
  proxy.resume();
  await waitFor(() => heard().length === 3 && one.text() === "AB", { what: "what waited" });
});

test("from the pattern on the target hears nothing of that client, and the others are left alone", async (t) => {
  const { proxy, heard, client } = await setUp(t);
  const rule = proxy.dropRequestsFrom("queue", { times: 1 });
  const one = await client();
  one.socket.write("a");
  await waitFor(() => one.text() === "A", { what: "the answer before the pattern" });
  one.socket.write("queue");
  await waitFor(() => rule.seen() === 1, { what: "the pattern" });
  one.socket.write("b");
  const two = await client();
  two.socket.write("queue");
  await waitFor(() => two.text() === "QUEUE", { what: "the second connection" });
  assert.equal(heard(), "aqueue");
});

test("a target that is down shows as a reset connection", async (t) => {
  const proxy = await startProxy({ target: { port: 1 } });
  t.after(proxy.stop);
  const one = await openClient(t, proxy.port);
  await waitFor(() => one.fault() === "ECONNRESET", { what: "the reset" });
});
