import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { MessageBody } from "../../src/relay/body.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { startSink } from "../support/sink.ts";
import { waitFor } from "../support/waitFor.ts";
import { openTestRelay, sendOnce, told } from "./openTestRelay.ts";
import { startRawRelay } from "./rawRelay.ts";

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const header = "Message-ID: <1@one.test>\r\nSubject: x\r\n\r\n";

test("smtp-sink gets envelope and bytes as they were: dots at line starts, lone dots, CRLF.CRLF look-alikes", async (t) => {
  const sink = await startSink();
  t.after(sink.stop);
  const relay = openTestRelay(t, { port: sink.port });
  const bytes = Buffer.from(`${header}.dot\r\n..two\r\n.\r\n\r\n.\r\nMAIL FROM:<evil@x.test>\r\nend.\r\n`);
  const sent = await sendOnce(relay, { from: "", to: ["a@two.test", "b@two.test"], bytes });
  assert.deepEqual(sent.outcomes.map(told), ["accepted 250", "accepted 250"]);
  const [mail] = await waitFor(async () => ((await sink.received()).length === 1 ? sink.received() : undefined), { what: "the mail" });
  assert.deepEqual({ ...mail, raw: mail?.raw.toString() }, { from: "", to: ["a@two.test", "b@two.test"], raw: bytes.toString() });
});

// 8,000 bytes leave in one write with their dot; 16,000 fit into the socket's buffer, but not when stuffed; 65,536 is a chunk exactly.
for (const size of [0, 1, 8_000, 9_000, 16_000, 65_535, 65_536, 65_537, 131_072, 10_000_000]) {
  test(`a message of ${size} bytes arrives whole, with and without STARTTLS`, async (t) => {
    for (const tls of ["none", "required"] as const) {
      const server = await startScriptedRelay({ starttls: tls === "required" });
      t.after(server.stop);
      const relay = openTestRelay(t, { port: server.port, tls, verifyCertificate: false });
      // Every line starts with a dot; the smaller ones have nothing else: the worst case for stuffing.
      const line = size < 1_000_000 ? ".\r\n" : `.${"x".repeat(67)}\r\n`;
      const bytes = Buffer.from(`${line.repeat(Math.floor(size / line.length))}${".".repeat(size % line.length)}`);
      const sent = await sendOnce(relay, { bytes });
      assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
      const arrived = server.accepted[0]?.raw ?? Buffer.alloc(0);
      // A line end is added where the last line has none.
      const expected =
        bytes.length === 0 || bytes.toString("latin1").endsWith("\r\n") ? bytes : Buffer.concat([bytes, Buffer.from("\r\n")]);
      if (size === 0) assert.match(arrived.toString(), /^(\r\n)?$/);
      else assert.equal(sha256(arrived), sha256(expected));
    }
  });
}

test("a body without a final line end gets one, and nothing else", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  await sendOnce(openTestRelay(t, { port: server.port }), { bytes: Buffer.from(`${header}no end`) });
  assert.equal(server.accepted[0]?.raw.toString(), `${header}no end\r\n`);
});

const small = Buffer.from(`${header}small\r\n`);
const large = Buffer.concat([small, Buffer.alloc(3_000_000, "0123456789abcdef\r\n")]);

for (const [size, bytes] of [
  ["small", small],
  ["large", large],
] as const) {
  for (const [name, beforeFinalDot] of [
    ["says false", () => false],
    ["throws", () => assert.fail("lease lost")],
    ["says false later", async () => false],
    ["rejects", async () => assert.fail("lease lost")],
  ] as const) {
    test(`when beforeFinalDot ${name}, no final dot leaves with a ${size} body and nothing is sent to anyone`, async (t) => {
      const server = await startRawRelay({});
      t.after(server.stop);
      const relay = openTestRelay(t, { port: server.port });
      const sent = await sendOnce(relay, { bytes, to: ["a@two.test", "b@two.test"], beforeFinalDot });
      assert.deepEqual(sent.outcomes.map(told), ["not_sent body", "not_sent body"]);
      assert.equal(sent.bodyHandedOver, false);
      await waitFor(() => server.open() === 0, { what: "the connection to close" });
      assert.ok(!server.clients[0]?.lines.includes("."));
      assert.equal(relay.stats().open, 0);
    });
  }

  test(`beforeFinalDot is asked once, when the ${size} body has arrived, and the dot waits for its answer`, async (t) => {
    const server = await startRawRelay({});
    t.after(server.stop);
    let asked = 0;
    const sent = await sendOnce(openTestRelay(t, { port: server.port }), {
      bytes,
      beforeFinalDot: async () => {
        asked++;
        const client = server.clients[0];
        assert.ok(client);
        await waitFor(() => client.socket.bytesRead > bytes.length, { what: "the whole body" });
        assert.ok(!client.lines.includes("."));
        return true;
      },
    });
    assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
    assert.equal(asked, 1);
  });

  test(`a relay that hangs up while beforeFinalDot thinks over a ${size} body is not sent to, and no doubt arises`, async (t) => {
    const server = await startRawRelay({});
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port });
    let decide = (_: boolean) => {};
    const decision = new Promise<boolean>((resolve) => {
      decide = resolve;
    });
    const sent = await sendOnce(relay, {
      bytes,
      beforeFinalDot: () => {
        server.clients[0]?.cut();
        return decision;
      },
    });
    decide(true);
    assert.deepEqual(sent.outcomes.map(told), ["not_sent body"]);
    assert.equal(sent.bodyHandedOver, false);
  });

  test(`a beforeFinalDot that never answers for a ${size} body ends by the limit for one step`, async (t) => {
    const server = await startRawRelay({});
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port, timeouts: { command: 400 } });
    const sent = await sendOnce(relay, { bytes, beforeFinalDot: () => new Promise(() => {}) });
    assert.deepEqual(sent.outcomes.map(told), ["not_sent body"]);
    const [outcome] = sent.outcomes;
    assert.ok(outcome?.kind === "not_sent");
    assert.match(outcome.fault.text, /own check/);
  });
}

test("beforeFinalDot is asked when no more of a large body waits than fits into the socket's buffer", async (t) => {
  const server = createServer((socket) => {
    // Slower than we write, so that the buffers on the way are full to the end.
    socket.on("data", () => {
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const socket = connect((server.address() as { port: number }).port, "127.0.0.1");
  t.after(() => {
    socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  const waiting = await new Promise<number>((resolve) => {
    const beforeFinalDot = () => {
      resolve(socket.writableLength);
      return true;
    };
    new MessageBody({ parts: [Buffer.alloc(300 * 65_536)], socket, beforeFinalDot, onNews: () => {} }).begin();
  });
  assert.ok(waiting < socket.writableHighWaterMark, `${waiting} bytes`);
});

test("beforeFinalDot is not asked when no body is wanted", async (t) => {
  const server = await startRawRelay({ DATA: "554 5.7.1 no" });
  t.after(server.stop);
  const beforeFinalDot = () => assert.fail("it was asked");
  assert.deepEqual((await sendOnce(openTestRelay(t, { port: server.port }), { beforeFinalDot })).outcomes.map(told), ["refused data 554"]);
});

test("of a large body only a bounded part waits in memory while the relay does not read", async (t) => {
  const server = await startRawRelay({
    DATA: async (client) => {
      client.socket.pause();
      client.write("354 go ahead\r\n");
      return new Promise(() => {});
    },
  });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, timeouts: { command: 500 } });
  const bytes = Buffer.alloc(50_000_000, "0123456789abcdef\r\n");
  const before = process.memoryUsage();
  const sent = await sendOnce(relay, { bytes });
  const after = process.memoryUsage();
  assert.deepEqual(sent.outcomes.map(told), ["not_sent body"]);
  assert.ok(after.arrayBuffers - before.arrayBuffers < 5_000_000, `${after.arrayBuffers - before.arrayBuffers}`);
});
