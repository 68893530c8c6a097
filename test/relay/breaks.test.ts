import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "../support/waitFor.ts";
import { openTestRelay, sendOnce, sessionOf, told } from "./openTestRelay.ts";
import { type Answer, type Answers, cut, hangUp, leave421, stall, startRawRelay, trickle } from "./rawRelay.ts";

const withoutPipelining = "250-raw.test\r\n250 8BITMIME";
const breaks = { cut, hangUp, stall, trickle, leave421 };
/** Those that only a timeout ends get a short one. */
const timeoutsOf = (how: Answer) => (how === stall || how === trickle ? { connect: 150, command: 150, afterDot: 150 } : {});

for (const [name, how] of Object.entries(breaks)) {
  for (const [point, phases] of [
    ["connect", ["connect", "greeting"]],
    ["EHLO", ["ehlo"]],
  ] as const) {
    test(`${name} at ${point}: no session, the phase is named, and the connection is gone`, async (t) => {
      const server = await startRawRelay({ [point]: how });
      t.after(server.stop);
      const relay = openTestRelay(t, { port: server.port, timeouts: timeoutsOf(how) });
      const acquired = await relay.acquire();
      assert.ok(!acquired.ok);
      assert.ok((phases as readonly string[]).includes(acquired.fault.phase), acquired.fault.phase);
      assert.equal(acquired.fault.reply?.code, how === leave421 ? 421 : undefined);
      assert.match(acquired.fault.text, new RegExp(`127\\.0\\.0\\.1:${server.port} .*\\.$`));
      await waitFor(() => server.open() === 0, { what: "the connection to close" });
      assert.deepEqual(relay.stats(), { open: 0, busy: 0, waiting: 0 });
    });
  }

  for (const pipelining of [true, false]) {
    for (const [point, phase] of [
      ["MAIL", "mail"],
      ["RCPT", "rcpt"],
      ["DATA", "data"],
      ["dot", "after_dot"],
    ] as const) {
      const unanswered = point === "dot" ? "in_doubt" : "not_sent";
      const expected = how === leave421 ? `try_later ${phase} 421` : `${unanswered} ${phase}`;
      test(`${name} at ${point}, ${pipelining ? "with" : "without"} PIPELINING: ${expected}`, async (t) => {
        const server = await startRawRelay({ [point]: how, ...(pipelining ? {} : { EHLO: withoutPipelining }) });
        t.after(server.stop);
        const relay = openTestRelay(t, { port: server.port, timeouts: timeoutsOf(how) });
        const startedAt = performance.now();
        const sent = await sendOnce(relay, { to: ["a@two.test", "b@two.test"] });
        assert.deepEqual(sent.outcomes.map(told), [expected, expected]);
        assert.equal(sent.bodyHandedOver, point === "dot");
        assert.equal(server.clients.length, 1);
        if (how === stall || how === trickle) assert.ok(performance.now() - startedAt >= 145);
        await waitFor(() => server.open() === 0, { what: "the connection to close" });
        assert.deepEqual(relay.stats(), { open: 0, busy: 0, waiting: 0 });
      });
    }
  }

  const expected = how === leave421 ? "try_later body 421" : "not_sent body";
  test(`${name} in the middle of the body: ${expected}, and no final dot`, async (t) => {
    const midBody: Answer = async (client, line) => {
      client.write("354 go ahead\r\n");
      await waitFor(() => client.socket.bytesRead > 200_000, { what: "the first part of the body" });
      if (how === stall || how === trickle) client.socket.pause();
      if (typeof how === "function") await how(client, line);
      return new Promise(() => {});
    };
    const server = await startRawRelay({ DATA: midBody });
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port, timeouts: timeoutsOf(how) });
    const sent = await sendOnce(relay, { bytes: Buffer.alloc(20_000_000, "0123456789abcdef\r\n") });
    // A relay that hangs up in the middle may be noticed only when the rest no longer fits into the kernel, but never as a doubt.
    assert.deepEqual(sent.outcomes.map(told), [expected]);
    assert.equal(sent.bodyHandedOver, false);
    server.clients[0]?.socket.resume();
    await waitFor(() => server.open() === 0, { what: "the connection to close" });
  });
}

test("a relay that is not there is a fault that says where and why", async (t) => {
  const server = await startRawRelay({});
  await server.stop();
  const acquired = await openTestRelay(t, { port: server.port }).acquire();
  assert.ok(!acquired.ok);
  assert.equal(acquired.fault.phase, "connect");
  assert.match(acquired.fault.text, /ECONNREFUSED/);
});

test("a host name that does not exist is a fault of the name", async (t) => {
  const acquired = await openTestRelay(t, { port: 25, host: "no-such-host.invalid", timeouts: { connect: 3_000 } }).acquire();
  assert.ok(!acquired.ok);
  assert.equal(acquired.fault.phase, "dns");
  assert.match(acquired.fault.text, /no-such-host\.invalid cannot be resolved/);
});

test("a reply that was cut off before its line end is no acceptance", async (t) => {
  const server = await startRawRelay({
    dot: (client) => {
      client.socket.end("250 2.0.0 queu");
      return undefined;
    },
  });
  t.after(server.stop);
  const sent = await sendOnce(openTestRelay(t, { port: server.port }));
  assert.deepEqual(sent.outcomes.map(told), ["in_doubt after_dot"]);
});

test("the whole attempt has a limit, however often the relay answers in time", async (t) => {
  const server = await startRawRelay({
    EHLO: withoutPipelining,
    RCPT: async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return "250 ok";
    },
  });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, timeouts: { command: 300, attempt: 500 } });
  const sent = await sendOnce(relay, { to: Array.from({ length: 20 }, (_, index) => `r${index}@two.test`) });
  assert.deepEqual([...new Set(sent.outcomes.map(told))], ["not_sent rcpt"]);
  assert.ok(sent.timings.totalMs >= 495 && sent.timings.totalMs < 1_900, String(sent.timings.totalMs));
});

test("a large body that drains slowly, but drains, is not cut by the limit for one step", async (t) => {
  const server = await startRawRelay({
    DATA: async (client) => {
      client.write("354 go ahead\r\n");
      const { socket } = client;
      const slow = setInterval(() => {
        socket.resume();
        setTimeout(() => socket.pause(), 5);
      }, 100);
      await client.reader.data();
      clearInterval(slow);
      socket.resume();
      return "250 2.0.0 ok";
    },
  });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, timeouts: { command: 400, afterDot: 5_000 } });
  const sent = await sendOnce(relay, { bytes: Buffer.alloc(30_000_000, "0123456789abcdef\r\n") });
  assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
});

test("no timer is left behind by transactions that ended well, badly or by a timeout", async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const before = timers();
  for (const answers of [{}, { RCPT: "550 5.1.1 no" }, { dot: stall }, { DATA: stall }, { MAIL: cut }] as Answers[]) {
    const server = await startRawRelay(answers);
    const relay = openTestRelay(t, { port: server.port, timeouts: { command: 200, afterDot: 200 } });
    const session = await sessionOf(relay);
    await session.send({ from: "", to: ["a@two.test"], bytes: Buffer.from("x\r\n") });
    session.release();
    await relay.close(1_000);
    await server.stop();
  }
  assert.equal(timers(), before);
});
