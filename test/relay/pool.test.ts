import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../src/relay/connect.ts";
import { transact } from "../../src/relay/transaction.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { startSink } from "../support/sink.ts";
import { waitFor } from "../support/waitFor.ts";
import { mail, openTestRelay, patient, sendOnce, sessionOf, told } from "./openTestRelay.ts";
import { type Answer, hangUp, stall, startRawRelay } from "./rawRelay.ts";

test("200 sends over 5 connections: each arrives once, and never are more than 5 open at the server", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, connections: 5 });
  const sends = Array.from({ length: 200 }, (_, index) => sendOnce(relay, { to: [`r${index}@two.test`] }));
  const outcomes = (await Promise.all(sends)).flatMap(({ outcomes }) => outcomes.map(told));
  assert.deepEqual([...new Set(outcomes)], ["accepted 250"]);
  const arrived = server.accepted.flatMap(({ to }) => to).sort();
  assert.deepEqual(arrived, Array.from({ length: 200 }, (_, index) => `r${index}@two.test`).sort());
  assert.equal(server.connectionsMax(), 5);
  assert.deepEqual(relay.stats(), { open: 5, busy: 0, waiting: 0 });
});

test("smtp-sink: 500 sends over 5 connections all arrive, each once", async (t) => {
  const sink = await startSink();
  t.after(sink.stop);
  const relay = openTestRelay(t, { port: sink.port, connections: 5 });
  await Promise.all(Array.from({ length: 500 }, (_, index) => sendOnce(relay, { to: [`r${index}@two.test`] })));
  await relay.close(2_000);
  const arrived = (await sink.received()).flatMap(({ to }) => to).sort();
  assert.deepEqual(arrived, Array.from({ length: 500 }, (_, index) => `r${index}@two.test`).sort());
});

test("one after the other over one connection: it is reused, and told to quit after 100 messages", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  const reused: boolean[] = [];
  for (let i = 0; i < 201; i++) reused.push((await sendOnce(relay)).connection.reused);
  assert.deepEqual(
    reused.flatMap((value, index) => (value ? [] : [index])),
    [0, 100, 200],
  );
  assert.deepEqual(server.connections.map(({ commands }) => commands.at(-1)?.split(" ")[0]).slice(0, 2), ["QUIT", "QUIT"]);
});

test("a session that nobody needs for a while is told QUIT, and only that one", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, connections: 2, idleMs: 300 });
  const sessions = await Promise.all([sessionOf(relay), sessionOf(relay)]);
  for (const session of sessions) session.release();
  const used = setInterval(() => void sendOnce(relay), 50);
  t.after(() => clearInterval(used));
  await waitFor(() => relay.stats().open === 1, { what: "the idle session to be closed" });
  assert.deepEqual(server.connections.map(({ commands }) => commands.at(-1) === "QUIT").sort(), [false, true]);
  clearInterval(used);
  await waitFor(() => relay.stats().open === 0, { what: "the other one to be closed in its turn" });
});

test("who waits is served in the order of asking", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  const order: number[] = [];
  const first = await sessionOf(relay);
  const waiting = [1, 2, 3].map(async (number) => {
    const session = await sessionOf(relay);
    order.push(number);
    session.release();
  });
  assert.deepEqual(relay.stats(), { open: 1, busy: 1, waiting: 3 });
  first.release();
  await Promise.all(waiting);
  assert.deepEqual(order, [1, 2, 3]);
});

const farewells: [string, Answer][] = [
  ["closes", hangUp],
  [
    "says 421 and closes",
    (client) => {
      client.socket.end("421 4.4.2 idle too long\r\n");
      return undefined;
    },
  ],
  [
    "resets",
    (client) => {
      client.cut();
      return undefined;
    },
  ],
];

for (const [what, farewell] of farewells) {
  test(`an idle session whose relay ${what} is dropped unseen, and the next mail goes over a new one`, async (t) => {
    const server = await startRawRelay({});
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port });
    await sendOnce(relay);
    const [client] = server.clients;
    assert.ok(client && typeof farewell === "function");
    await farewell(client, "");
    await waitFor(() => relay.stats().open === 0, { what: "the session to be dropped" });
    const next = await sendOnce(relay);
    assert.deepEqual(next.outcomes.map(told), ["accepted 250"]);
    assert.equal(next.connection.reused, false);
  });

  test(`when the relay ${what} just as MAIL comes on a reused session, the mail goes over a new one, once`, async (t) => {
    const server = await startRawRelay((number) => ({
      MAIL: (client, line) =>
        number === 1 && client.lines.length > 4 && typeof farewell === "function" ? farewell(client, line) : "250 ok",
    }));
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port });
    await sendOnce(relay);
    const sent = await sendOnce(relay);
    assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
    assert.equal(sent.connection.reused, false);
    assert.equal(typeof sent.timings.connectMs, "number");
    assert.equal(server.clients.length, 2);
    assert.deepEqual(relay.stats(), { open: 1, busy: 0, waiting: 0 });
  });
}

test("a relay that closes at MAIL on every connection is tried anew once, and no more", async (t) => {
  const server = await startRawRelay((number) => ({
    MAIL: (client, line) => (number > 1 || client.lines.length > 4 ? hangUpAt(client, line) : "250 ok"),
  }));
  const hangUpAt = hangUp as Exclude<Answer, string>;
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  await sendOnce(relay);
  assert.deepEqual((await sendOnce(relay)).outcomes.map(told), ["not_sent mail"]);
  assert.equal(server.clients.length, 2);
});

test("a reused session that dies when no new one is to be had: nothing was sent, and the new connection's fault says why", async (t) => {
  const server = await startRawRelay({});
  const relay = openTestRelay(t, { port: server.port });
  await sendOnce(relay);
  const session = await sessionOf(relay);
  await server.stop();
  await waitFor(() => server.open() === 0, { what: "the relay to be gone" });
  const sent = await session.send({ ...mail, to: ["a@two.test", "b@two.test"] });
  session.release();
  assert.deepEqual(sent.outcomes.map(told), ["not_sent connect", "not_sent connect"]);
  assert.equal(sent.bodyHandedOver, false);
  assert.deepEqual(relay.stats(), { open: 0, busy: 0, waiting: 0 });
});

test("a mail that was answered at all is never sent over a second connection", async (t) => {
  const server = await startRawRelay({
    RCPT: (client, line) => (client.lines.length > 5 ? (hangUp as Exclude<Answer, string>)(client, line) : "250 ok"),
  });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  await sendOnce(relay);
  assert.deepEqual((await sendOnce(relay)).outcomes.map(told), ["not_sent rcpt"]);
  assert.equal(server.clients.length, 1);
});

test("a session may send again after a transaction that was refused, and after one that broke off", async (t) => {
  const server = await startRawRelay({
    RCPT: (client, line) => {
      if (line.includes("<no@")) return "550 5.1.1 no";
      if (!line.includes("<cut@")) return "250 ok";
      client.cut();
      return undefined;
    },
    DATA: (client) => (client.accepted > 0 ? "354 go" : "554 5.5.1 nobody"),
  });
  t.after(server.stop);
  const session = await sessionOf(openTestRelay(t, { port: server.port }));
  const outcomes: string[] = [];
  for (const name of ["yes", "no", "yes", "cut", "yes"]) {
    const sent = await session.send({ ...mail, to: [`${name}@two.test`] });
    outcomes.push(...sent.outcomes.map(told));
  }
  session.release();
  assert.deepEqual(outcomes, ["accepted 250", "refused rcpt 550", "accepted 250", "not_sent rcpt", "accepted 250"]);
  assert.deepEqual(
    server.clients[0]?.lines.map((line) => line.split(" ")[0]).filter((verb) => verb === "RSET"),
    ["RSET"],
  );
});

test("a session that will not be reset is closed, not used again", async (t) => {
  for (const RSET of ["500 5.5.1 what?", stall, hangUp]) {
    const server = await startRawRelay({
      MAIL: (client) => (client.number === 1 ? "550 5.1.0 no" : "250 ok"),
      DATA: (client) => (client.accepted ? "354 go" : "503 no"),
      RSET,
    });
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port, timeouts: { command: 300 } });
    await sendOnce(relay);
    const next = await sendOnce(relay);
    assert.deepEqual(next.outcomes.map(told), ["accepted 250"]);
    assert.equal(server.clients.length, 2);
  }
});

test("a session that was to be reset and is gone meanwhile is replaced at once", async (t) => {
  const server = await startRawRelay({
    RCPT: (client) => (client.number === 1 ? "550 5.1.1 no" : "250 ok"),
    DATA: (client) => (client.number === 1 ? "421 4.3.2 going down" : "354 go"),
  });
  t.after(server.stop);
  const session = await sessionOf(openTestRelay(t, { port: server.port, timeouts: { command: 60_000, attempt: 60_000 } }));
  assert.deepEqual((await session.send(mail)).outcomes.map(told), ["refused rcpt 550"]);
  const startedAt = performance.now();
  assert.deepEqual((await session.send(mail)).outcomes.map(told), ["accepted 250"]);
  session.release();
  assert.ok(performance.now() - startedAt < 30_000);
});

test("one connect that hangs does not hold up the others", async (t) => {
  const server = await startRawRelay((number) => (number === 1 ? { connect: stall } : {}));
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, connections: 3, timeouts: { connect: 4_000 } });
  const startedAt = performance.now();
  const first = sendOnce(relay);
  await waitFor(() => server.clients.length === 1, { what: "the first connection" });
  const others = Array.from({ length: 10 }, () => sendOnce(relay));
  const outcomes = (await Promise.all([first, ...others])).flatMap(({ outcomes }) => outcomes.map(told));
  assert.deepEqual([...new Set(outcomes)], ["accepted 250"]);
  assert.ok(performance.now() - startedAt < 3_000, "served before the hanging one timed out");
});

test("a connect that hangs alone is helped by another one, for whoever waits", async (t) => {
  const server = await startRawRelay((number) => (number === 1 ? { connect: stall } : {}));
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, connections: 2, timeouts: { connect: 4_000 } });
  assert.deepEqual((await sendOnce(relay)).outcomes.map(told), ["accepted 250"]);
});

test("a relay that allows fewer connections than configured is used with those it allows", async (t) => {
  let open = 0;
  const server = await startRawRelay({
    connect: (client) => {
      if (open === 2) {
        client.socket.end("421 4.7.0 too many connections\r\n");
        return undefined;
      }
      open++;
      client.socket.once("close", () => open--);
      return "220 hello";
    },
    dot: async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      return "250 ok";
    },
  });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, connections: 5 });
  const early = await Promise.all([sessionOf(relay), sessionOf(relay)]);
  const sends = Array.from({ length: 40 }, () => sendOnce(relay));
  for (const session of early) session.release();
  const outcomes = (await Promise.all(sends)).flatMap(({ outcomes }) => outcomes.map(told));
  assert.deepEqual([...new Set(outcomes)], ["accepted 250"]);
  assert.ok(server.clients.length <= 2 + 3, `${server.clients.length} connections: refused ones are not tried again at once`);
});

test("when no session is to be had, everyone who waits is told, with the relay's reply", async (t) => {
  const server = await startRawRelay({ connect: "554 5.7.1 go away" });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, connections: 2 });
  const acquired = await Promise.all(Array.from({ length: 20 }, () => relay.acquire()));
  assert.deepEqual([...new Set(acquired.map((one) => (one.ok ? "ok" : one.fault.reply?.code)))], [554]);
  assert.deepEqual(relay.stats(), { open: 0, busy: 0, waiting: 0 });
  assert.ok(server.clients.length <= 20);
});

test("when a relay does not answer at all, those who wait are told together, not one after the other", async (t) => {
  const server = await startRawRelay({ connect: stall });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, timeouts: { connect: 300 } });
  const startedAt = performance.now();
  const acquired = await Promise.all(Array.from({ length: 20 }, () => relay.acquire()));
  assert.ok(acquired.every(({ ok }) => !ok));
  assert.ok(performance.now() - startedAt < 2_000);
});

test("a signal ends the waiting, and the place in the queue", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  const session = await sessionOf(relay);
  const impatient = new AbortController();
  const waiting = relay.acquire(impatient.signal);
  assert.equal(relay.stats().waiting, 1);
  impatient.abort();
  assert.equal((await waiting).ok, false);
  assert.equal((await relay.acquire(impatient.signal)).ok, false);
  assert.deepEqual(relay.stats(), { open: 1, busy: 1, waiting: 0 });
  session.release();
  assert.deepEqual((await sendOnce(relay)).outcomes.map(told), ["accepted 250"]);
});

test("release is idempotent: a session given back twice serves one waiter", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  const session = await sessionOf(relay);
  session.release();
  session.release();
  assert.deepEqual(relay.stats(), { open: 1, busy: 0, waiting: 0 });
  const holder = await sessionOf(relay);
  session.release();
  assert.deepEqual(relay.stats(), { open: 1, busy: 1, waiting: 0 });
  await assert.rejects(session.send(mail), /released/);
  holder.release();
});

test("a session sends one mail at a time", async (t) => {
  const server = await startScriptedRelay();
  t.after(server.stop);
  const session = await sessionOf(openTestRelay(t, { port: server.port }));
  const first = session.send(mail);
  await assert.rejects(session.send(mail), /one mail at a time/);
  assert.deepEqual((await first).outcomes.map(told), ["accepted 250"]);
  session.release();
});

test("release while sending cuts the connection, and the outcome says how far the mail was", async (t) => {
  for (const [point, expected] of [
    ["DATA", "not_sent data"],
    ["dot", "in_doubt after_dot"],
  ] as const) {
    const server = await startRawRelay({ [point]: stall });
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port });
    const session = await sessionOf(relay);
    const sending = session.send(mail);
    await waitFor(() => server.clients[0]?.lines.includes(point === "dot" ? "." : "DATA"), { what: point });
    const startedAt = performance.now();
    session.release();
    assert.deepEqual((await sending).outcomes.map(told), [expected]);
    assert.ok(performance.now() - startedAt < 2_000);
    assert.deepEqual(relay.stats(), { open: 0, busy: 0, waiting: 0 });
  }
});

test("release while a reused session sends opens no new connection for it", async (t) => {
  const server = await startRawRelay({ MAIL: (client) => (client.lines.length > 4 ? (stall as () => Promise<string>)() : "250 ok") });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  await sendOnce(relay);
  const session = await sessionOf(relay);
  const sending = session.send(mail);
  await waitFor(() => server.clients[0]?.lines.filter((line) => line.startsWith("MAIL")).length === 2, { what: "MAIL" });
  session.release();
  assert.deepEqual((await sending).outcomes.map(told), ["not_sent mail"]);
  assert.equal(server.clients.length, 1);
  assert.deepEqual(relay.stats(), { open: 0, busy: 0, waiting: 0 });
});

test("a reused connection that is just closing is stale: nothing is sent over it", async (t) => {
  const server = await startRawRelay({});
  t.after(server.stop);
  const config = { name: "test", host: server.host, port: server.port, tls: "none", verifyCertificate: true, connections: 1 } as const;
  const { connection, ready } = connect({ config, timeouts: patient });
  assert.equal(await ready, undefined);
  connection.transactions = 1;
  connection.socket.end();
  const { stale, transaction } = await transact({
    ...{ connection, mail, signature: Buffer.alloc(0), limits: undefined },
    ...{ timeouts: patient, host: server.host, startedAt: performance.now() },
  });
  assert.deepEqual([stale, ...transaction.outcomes.map(told)], [true, "not_sent mail"]);
});

test("a session that dies between acquire and send is replaced", async (t) => {
  const server = await startRawRelay({});
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  const session = await sessionOf(relay);
  server.clients[0]?.cut();
  await waitFor(() => session.facts.reused === false && server.open() === 0, { what: "the connection to be gone" });
  const sent = await session.send(mail);
  session.release();
  assert.deepEqual(sent.outcomes.map(told), ["accepted 250"]);
  assert.equal(server.clients.length, 2);
});

test("close says QUIT on idle sessions, turns waiters away, lets the busy ones finish, and leaves nothing open", async (t) => {
  let answerDot = (_: string) => {};
  const dot: Answer = () =>
    new Promise((resolve) => {
      answerDot = resolve;
    });
  const server = await startRawRelay((number) => (number === 1 ? { dot } : {}));
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, connections: 2 });
  const busy = await sessionOf(relay);
  const idle = await sessionOf(relay);
  const sending = busy.send(mail);
  await waitFor(() => server.clients[0]?.lines.includes("."), { what: "the final dot" });
  const other = await idle.send(mail);
  const waiting = relay.acquire();
  idle.release();
  const waiter = await waiting;
  assert.ok(waiter.ok);
  const turnedAway = relay.acquire();
  waiter.session.release();
  const lucky = await turnedAway;
  assert.ok(lucky.ok);
  lucky.session.release();
  const closing = relay.close(5_000);
  assert.equal((await relay.acquire()).ok, false);
  await waitFor(() => server.clients[1]?.lines.includes("QUIT"), { what: "QUIT on the idle session" });
  answerDot("250 2.0.0 late but fine");
  assert.deepEqual([...(await sending).outcomes, ...other.outcomes].map(told), ["accepted 250", "accepted 250"]);
  busy.release();
  await closing;
  await waitFor(() => server.open() === 0, { what: "all connections to close" });
  assert.ok(server.clients[0]?.lines.includes("QUIT"));
  assert.deepEqual(relay.stats(), { open: 0, busy: 0, waiting: 0 });
  await relay.close(0);
});

test("close ends what is left after the grace: the mail whose dot was handed over is in doubt", async (t) => {
  const server = await startRawRelay({ dot: stall });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  const session = await sessionOf(relay);
  const sending = session.send(mail);
  const waiting = relay.acquire();
  await waitFor(() => server.clients[0]?.lines.includes("."), { what: "the final dot" });
  await relay.close(100);
  assert.deepEqual((await sending).outcomes.map(told), ["in_doubt after_dot"]);
  assert.equal((await waiting).ok, false);
  session.release();
  assert.deepEqual(relay.stats(), { open: 0, busy: 0, waiting: 0 });
});

test("close does not wait for a connect, nor for a relay that never answers QUIT beyond the grace", async (t) => {
  const server = await startRawRelay((number) => (number === 1 ? { QUIT: stall } : { connect: stall }));
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, connections: 2 });
  await sendOnce(relay);
  const idle = await sessionOf(relay);
  const connecting = relay.acquire();
  await waitFor(() => server.clients.length === 2, { what: "the second connection" });
  idle.release();
  const served = await connecting;
  assert.ok(served.ok);
  served.session.release();
  const startedAt = performance.now();
  await relay.close(200);
  assert.ok(performance.now() - startedAt < 1_500);
  await waitFor(() => server.open() === 0, { what: "all connections to close" });
});
