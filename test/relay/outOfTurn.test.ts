import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "../support/waitFor.ts";
import { openTestRelay, sendOnce, told } from "./openTestRelay.ts";
import { type Answers, startRawRelay } from "./rawRelay.ts";

const withoutPipelining = "250-raw.test\r\n250 8BITMIME";

for (const [name, reply, expected] of [
  ["354 to the final dot", "354 more?", "in_doubt after_dot 354"],
  ["nonsense to the final dot", "fine, thanks", "in_doubt after_dot 0"],
] as const) {
  test(`${name} is a doubt, and the end of the connection`, async (t) => {
    const server = await startRawRelay({ dot: reply });
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port });
    assert.deepEqual((await sendOnce(relay)).outcomes.map(told), [expected]);
    assert.equal(relay.stats().open, 0);
  });
}

for (const [point, reply, expected] of [
  ["MAIL", "354 go on", "not_sent mail 354"],
  ["MAIL", "what?", "not_sent mail 0"],
  ["RCPT", "354 go on", "not_sent rcpt 354"],
  ["DATA", "250 ok", "not_sent data 250"],
  ["DATA", "HTTP/1.1 400 Bad Request", "not_sent data 0"],
] as const) {
  test(`a relay that answers ${point} with "${reply}" is sent no body`, async (t) => {
    for (const EHLO of [withoutPipelining, "250-raw.test\r\n250 PIPELINING"]) {
      const server = await startRawRelay({ [point]: reply, EHLO } as Answers);
      t.after(server.stop);
      const relay = openTestRelay(t, { port: server.port });
      const sent = await sendOnce(relay, { bytes: Buffer.from("Subject: smuggled\r\n\r\nMAIL FROM:<evil@one.test>\r\n") });
      assert.deepEqual(sent.outcomes.map(told), [expected]);
      await waitFor(() => server.open() === 0, { what: "the connection to close" });
      assert.ok(!server.clients[0]?.lines.some((line) => /evil|Subject/.test(line)));
    }
  });
}

test("an acceptance that comes before the message is all there is none, and no final dot follows", async (t) => {
  const server = await startRawRelay({
    DATA: async (client) => {
      client.write("354 go ahead\r\n");
      await waitFor(() => client.socket.bytesRead > 100_000, { what: "the first part of the body" });
      client.write("250 2.0.0 queued already\r\n");
      assert.equal(await client.reader.data(), undefined);
      return undefined;
    },
  });
  t.after(server.stop);
  const sent = await sendOnce(openTestRelay(t, { port: server.port }), { bytes: Buffer.alloc(20_000_000, "0123456789abcdef\r\n") });
  assert.deepEqual(sent.outcomes.map(told), ["not_sent body 250"]);
});

test("an acceptance that comes right behind 354 is none: not even a small message is sent", async (t) => {
  const server = await startRawRelay({ DATA: "354 go ahead\r\n250 2.0.0 queued already" });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  assert.deepEqual((await sendOnce(relay)).outcomes.map(told), ["not_sent body 250"]);
  await waitFor(() => server.open() === 0, { what: "the connection to close" });
  assert.ok(!server.clients[0]?.lines.includes("."));
});

for (const [reply, expected] of [
  ["552 5.3.4 too big", "refused body 552"],
  ["452 4.3.1 disk full", "try_later body 452"],
] as const) {
  test(`an early "${reply}" in the middle of the body is an answer: ${expected}`, async (t) => {
    const server = await startRawRelay({
      DATA: async (client) => {
        client.write("354 go ahead\r\n");
        await waitFor(() => client.socket.bytesRead > 100_000, { what: "the first part of the body" });
        client.write(`${reply}\r\n`);
        assert.equal(await client.reader.data(), undefined);
        return undefined;
      },
    });
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port });
    const sent = await sendOnce(relay, { bytes: Buffer.alloc(20_000_000, "0123456789abcdef\r\n") });
    assert.deepEqual(sent.outcomes.map(told), [expected]);
    assert.equal(sent.bodyHandedOver, false);
    assert.equal(relay.stats().open, 0);
  });
}

test("answers that come together with the end of the connection all count", async (t) => {
  const server = await startRawRelay({
    MAIL: async (client) => {
      for (let i = 0; i < 4; i++) await client.reader.line();
      client.socket.end("250 ok\r\n550 5.1.1 no a\r\n250 ok\r\n450 4.2.2 full c\r\n451 4.3.0 not now\r\n");
      return undefined;
    },
  });
  t.after(server.stop);
  const sent = await sendOnce(openTestRelay(t, { port: server.port }), { to: ["a@two.test", "b@two.test", "c@two.test"] });
  assert.deepEqual(sent.outcomes.map(told), ["refused rcpt 550", "try_later data 451", "try_later rcpt 450"]);
});
