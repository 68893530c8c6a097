// The next message's envelope right behind the last one's final dot: that it saves the round trip, and that nobody pays for it.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { RelaySession, Transaction } from "../../src/relay/pool.ts";
import { waitFor } from "../support/waitFor.ts";
import { mail, openTestRelay, sendOnce, sessionOf, told } from "./openTestRelay.ts";
import { type Answer, type Answers, cut, hangUp, type RawClient, startRawRelay } from "./rawRelay.ts";

const verbsOf = (client: RawClient | undefined) => (client?.lines ?? []).map((line) => line.split(/[ :]/)[0]);

/** Holds back what it says of a dot until the relay has been sent something behind it. */
const onceFollowed =
  (reply: Answer): Answer =>
  async (client, line) => {
    await client.reader.atLeast(1);
    return typeof reply === "string" ? reply : reply(client, line);
  };

/**
 * A relay with one connection that has answered its first dot swiftly, so that others may be followed. `dots`: what it says of the next ones;
 * `answers`: to everything else, from then on.
 */
async function proven(t: TestContext, { dots = [], answers = {} }: { dots?: Answer[]; answers?: Answers }) {
  let count = 0;
  const hasBegun = () => count > 0;
  const later = Object.fromEntries(
    Object.entries(answers).map(([point, given]): [string, Answer] => [
      point,
      (client, line) => {
        const usual = { MAIL: "250 ok", RCPT: "250 ok", DATA: "354 go", EHLO: "250-raw.test\r\n250 PIPELINING" }[point] ?? "250 ok";
        if (!hasBegun()) return usual;
        return typeof given === "string" ? given : given(client, line);
      },
    ]),
  );
  const server = await startRawRelay({
    ...later,
    dot: (client, line) => {
      const given = dots[count++ - 1] ?? "250 2.0.0 queued";
      return typeof given === "string" ? given : given(client, line);
    },
  });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port });
  assert.deepEqual((await sendOnce(relay)).outcomes.map(told), ["accepted 250"]);
  return { server, relay };
}

/** Sends the first, and the second behind it as soon as a session for it is there. */
async function sendBoth(relay: Awaited<ReturnType<typeof proven>>["relay"]): Promise<{ first: Transaction; second: Transaction }> {
  const session = await sessionOf(relay);
  const first = session.send({ ...mail, to: ["first@two.test"] }, { isLast: true }).finally(() => session.release());
  const second = sendOnce(relay, { to: ["second@two.test"] });
  return { first: await first, second: await second };
}

test("the next envelope is there before the final dot is answered, and both are sent over one connection, without RSET", async (t) => {
  const { server, relay } = await proven(t, { dots: [onceFollowed("250 2.0.0 queued as 1"), "250 2.0.0 queued as 2"] });
  const { first, second } = await sendBoth(relay);
  assert.deepEqual([...first.outcomes, ...second.outcomes].map(told), ["accepted 250", "accepted 250"]);
  assert.deepEqual(
    [first, second].map(({ transcript }) => transcript.at(-1)?.line),
    ["250 2.0.0 queued as 1", "250 2.0.0 queued as 2"],
  );
  assert.deepEqual(verbsOf(server.clients[0]).slice(5), ["MAIL", "RCPT", "DATA", ".", "MAIL", "RCPT", "DATA", "."]);
  assert.equal(server.clients.length, 1);
  assert.deepEqual(relay.stats(), { open: 1, busy: 0, waiting: 0 });
});

for (const [reply, expected] of [
  ["554 5.7.1 spam", "refused after_dot 554"],
  ["452 4.3.1 full", "try_later after_dot 452"],
] as const) {
  test(`"${reply}" to the first one's dot is for the first one alone`, async (t) => {
    const { server, relay } = await proven(t, { dots: [onceFollowed(reply)] });
    const { first, second } = await sendBoth(relay);
    assert.deepEqual([...first.outcomes, ...second.outcomes].map(told), [expected, "accepted 250"]);
    assert.equal(server.clients.length, 1);
  });
}

test("the last reply to the first one and all replies to the second one may come in one piece", async (t) => {
  const together: Answer = async (client) => {
    const lines = [];
    for (let index = 0; index < 3; index++) lines.push(await client.reader.line());
    client.lines.push(...(lines as string[]));
    client.write("250 2.0.0 first\r\n250 2.1.0 ok\r\n550 5.1.1 nobody\r\n554 5.5.1 no recipients\r\n");
    return undefined;
  };
  const { server, relay } = await proven(t, { dots: [onceFollowed(together)] });
  const { first, second } = await sendBoth(relay);
  assert.deepEqual([...first.outcomes, ...second.outcomes].map(told), ["accepted 250", "refused rcpt 550"]);
  assert.equal(server.clients.length, 1);
});

test("a relay that answers 503 to the envelope gets it again in its own time, and none behind a dot any more", async (t) => {
  let early = true;
  const objecting = () => (early ? "503 5.5.1 nested MAIL" : "250 ok");
  const { server, relay } = await proven(t, {
    dots: [onceFollowed("250 2.0.0 queued")],
    answers: {
      MAIL: (client) => (verbsOf(client).filter((verb) => verb === "MAIL").length === 3 ? objecting() : "250 ok"),
      RCPT: (client) => (verbsOf(client).filter((verb) => verb === "MAIL").length === 3 ? objecting() : "250 ok"),
      DATA: (client) => (client.accepted > 0 ? "354 go" : "503 5.5.1 no"),
      RSET: () => {
        early = false;
        return "250 ok";
      },
    },
  });
  const { first, second } = await sendBoth(relay);
  assert.deepEqual([...first.outcomes, ...second.outcomes].map(told), ["accepted 250", "accepted 250"]);
  assert.equal(server.clients.length, 1);
  assert.deepEqual(verbsOf(server.clients[0]).slice(9), ["MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA", "."]);
  // From now on each dot is answered before the next envelope comes: the relay says nothing behind an unanswered one.
  const holder = await sessionOf(relay);
  const sending = holder.send(mail, { isLast: true }).finally(() => holder.release());
  const waiting = relay.acquire();
  assert.equal(relay.stats().waiting, 1);
  await sending;
  const acquired = await waiting;
  assert.ok(acquired.ok && acquired.session.facts.reused);
  acquired.session.release();
});

test("503 in the place of the dot's answer is no refusal but a doubt; the second one goes over another connection", async (t) => {
  const { server, relay } = await proven(t, { dots: [onceFollowed("503 5.5.1 pipelining")] });
  const { first, second } = await sendBoth(relay);
  assert.deepEqual([...first.outcomes, ...second.outcomes].map(told), ["in_doubt after_dot", "accepted 250"]);
  assert.equal(server.clients.length, 2);
});

test("a relay that refuses the envelope behind a dot and grants DATA all the same is hung up on", async (t) => {
  const { server, relay } = await proven(t, {
    dots: [onceFollowed("250 2.0.0 queued")],
    answers: { MAIL: (client) => (client.number === 1 && client.lines.length > 6 ? "503 5.5.1 nested MAIL" : "250 ok"), DATA: "354 go" },
  });
  const { first, second } = await sendBoth(relay);
  assert.deepEqual([...first.outcomes, ...second.outcomes].map(told), ["accepted 250", "accepted 250"]);
  assert.equal(server.clients.length, 2);
  assert.equal(verbsOf(server.clients[0]).filter((verb) => verb === ".").length, 2);
});

for (const [name, how] of Object.entries({ cut, hangUp })) {
  test(`${name} behind the dot leaves the first one in doubt, and the second one goes over another connection`, async (t) => {
    const { server, relay } = await proven(t, { dots: [onceFollowed(how)] });
    const { first, second } = await sendBoth(relay);
    assert.deepEqual([...first.outcomes, ...second.outcomes].map(told), ["in_doubt after_dot", "accepted 250"]);
    assert.equal(server.clients.length, 2);
  });
}

test("a relay that takes the first one and says 421 to the second one is left; the second one goes over another connection", async (t) => {
  const leaving: Answer = (client) => {
    client.socket.end("250 2.0.0 queued\r\n421 4.7.0 that was enough\r\n");
    return undefined;
  };
  const { server, relay } = await proven(t, { dots: [onceFollowed(leaving)] });
  const { first, second } = await sendBoth(relay);
  assert.deepEqual([...first.outcomes, ...second.outcomes].map(told), ["accepted 250", "accepted 250"]);
  assert.equal(server.clients.length, 2);
});

/** The first one's dot has left, and the session for the second one is there. */
async function besideFirst(
  relay: Awaited<ReturnType<typeof proven>>["relay"],
): Promise<{ first: Promise<Transaction>; behind: RelaySession }> {
  const session = await sessionOf(relay);
  const first = session.send(mail, { isLast: true }).finally(() => session.release());
  return { first, behind: await sessionOf(relay) };
}

test("a follower that is cut off does not cut off the first one: that gets its answer, and then the connection ends", async (t) => {
  let answer: ((reply: string) => void) | undefined;
  const dot: Answer = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  const { server, relay } = await proven(t, { dots: [onceFollowed(dot)] });
  const { first, behind } = await besideFirst(relay);
  const second = behind.send(mail);
  await waitFor(() => verbsOf(server.clients[0]).filter((verb) => verb === ".").length === 2, { what: "the first one's dot" });
  behind.release();
  assert.deepEqual((await second).outcomes.map(told), ["not_sent mail"]);
  assert.equal(server.open(), 1);
  await waitFor(() => answer, { what: "the second one's envelope" });
  answer?.("250 2.0.0 late but fine");
  assert.deepEqual((await first).outcomes.map(told), ["accepted 250"]);
  await waitFor(() => server.open() === 0, { what: "the connection to close" });
  assert.equal(verbsOf(server.clients[0]).filter((verb) => verb === ".").length, 2);
  assert.deepEqual((await sendOnce(relay)).outcomes.map(told), ["accepted 250"]);
});

test("a follower's own time begins when the first one has its answer", async (t) => {
  const slowly: Answer = async () => {
    await new Promise((resolve) => setTimeout(resolve, 600));
    return "250 2.0.0 queued";
  };
  const server = await startRawRelay({
    dot: (client, line) => (verbsOf(client).length > 6 ? (slowly as Exclude<Answer, string>)(client, line) : "250 ok"),
  });
  t.after(server.stop);
  const relay = openTestRelay(t, { port: server.port, timeouts: { command: 400 } });
  await sendOnce(relay);
  const { first, second } = await sendBoth(relay);
  assert.deepEqual([...first.outcomes, ...second.outcomes].map(told), ["accepted 250", "accepted 250"]);
  assert.equal(server.clients.length, 1);
});

test("a session that may send again is not followed, and one that has sent its last sends no more", async (t) => {
  const { relay } = await proven(t, {});
  const session = await sessionOf(relay);
  await session.send(mail);
  const waiting = relay.acquire();
  await session.send(mail);
  assert.equal(relay.stats().waiting, 1);
  await session.send(mail, { isLast: true });
  await assert.rejects(session.send(mail), /has sent its last mail/);
  session.release();
  const acquired = await waiting;
  assert.ok(acquired.ok);
  acquired.session.release();
});

test("a session that is given back unused behind a dot goes to the next who waits", async (t) => {
  let answer: ((reply: string) => void) | undefined;
  const dot: Answer = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  const { relay } = await proven(t, { dots: [dot] });
  const { first, behind } = await besideFirst(relay);
  const next = sessionOf(relay);
  assert.equal(relay.stats().waiting, 1);
  behind.release();
  const another = await next;
  assert.deepEqual(relay.stats(), { open: 1, busy: 1, waiting: 0 });
  await waitFor(() => answer, { what: "the dot" });
  another.release();
  answer?.("250 2.0.0 queued");
  assert.deepEqual((await first).outcomes.map(told), ["accepted 250"]);
  assert.deepEqual(relay.stats(), { open: 1, busy: 0, waiting: 0 });
});

for (const [name, EHLO, limits, expected] of [
  [
    "nobody follows but the last transaction of a message",
    "250-raw.test\r\n250 PIPELINING",
    { recipientsPerTransaction: 1 },
    ["alone", "followed", "alone"],
  ],
  ["nobody follows on a relay without PIPELINING", "250 raw.test", {}, ["alone", "alone"]],
] as const) {
  test(name, async (t) => {
    const dots: string[] = [];
    const server = await startRawRelay({
      EHLO,
      dot: async (client) => {
        const isFollowed = client.reader.atLeast(1).then(() => "followed");
        const isAlone = new Promise<string>((resolve) => setTimeout(resolve, 200, "alone"));
        dots.push(await Promise.race([isFollowed, isAlone]));
        return "250 ok";
      },
    });
    t.after(server.stop);
    const relay = openTestRelay(t, { port: server.port, limits: { rates: [], burst: 0, domains: {}, ...limits } });
    await sendOnce(relay);
    const session = await sessionOf(relay);
    const first = session.send({ ...mail, to: ["a@two.test", "b@two.test"] }, { isLast: true }).finally(() => session.release());
    const second = sendOnce(relay);
    assert.deepEqual([...(await first).outcomes, ...(await second).outcomes].map(told), Array(3).fill("accepted 250"));
    assert.deepEqual(dots.slice(1), expected);
  });
}

test("a relay that is slow to answer a dot is not followed", async (t) => {
  const slowly: Answer = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    return "250 2.0.0 queued";
  };
  const { relay } = await proven(t, { dots: [slowly] });
  const session = await sessionOf(relay);
  await session.send(mail);
  const sending = session.send(mail, { isLast: true });
  const waiting = relay.acquire();
  assert.deepEqual((await sending).outcomes.map(told), ["accepted 250"]);
  assert.equal(relay.stats().waiting, 1);
  session.release();
  const acquired = await waiting;
  assert.ok(acquired.ok);
  acquired.session.release();
});
