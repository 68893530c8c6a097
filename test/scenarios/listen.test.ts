// `postern listen`: a local app gets every event of a running gateway, as a webhook would, though nothing outside can reach it.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { EventView } from "../../src/domain/eventView.ts";
import { atEndOf } from "../support/atEnd.ts";
import { startGateway } from "../support/gateway.ts";
import { runPostern, startPostern } from "../support/postern.ts";
import { startProxy } from "../support/proxy.ts";
import { waitFor } from "../support/waitFor.ts";
import { startWebhookReceiver, verifyRequest } from "../support/webhookReceiver.ts";

const gateway = await startGateway();
after(() => gateway.stop());
const env = { POSTERN_URL: gateway.url, POSTERN_API_KEY: gateway.apiKey };

/** Sends a message and waits for its end. */
async function send(to: string): Promise<void> {
  const { body } = await gateway.post<{ id: string }>("/v1/messages", { from: "a@sandbox.test", to, subject: "Hi", text: "x" });
  await gateway.messageSettled(body.id);
}

test("listen posts every event to the app, signed, in order, and once, though the way to the gateway breaks", async (t) => {
  const atEnd = atEndOf(t);
  const app = await startWebhookReceiver();
  atEnd(app.stop);
  const way = await startProxy({ target: { port: Number(new URL(gateway.url).port) } });
  atEnd(way.stop);
  const through = { ...env, POSTERN_URL: `http://127.0.0.1:${way.port}` };
  const listening = await startPostern(["listen", "--forward-to", app.url, "--events", "message.sent,message.bounced"], { env: through });
  atEnd(async () => listening.kill("SIGKILL"));
  const isListening = (times: number) =>
    waitFor(() => listening.err().split("Listening at").length > times, {
      what: `listen to be there for the ${times}. time`,
      timeoutMs: 20_000,
    });
  await isListening(1);
  // Cut before it has seen anything, it knows all the same where it began.
  way.cut();
  await send("delivered@sandbox.test");
  await isListening(2);
  const [, secret = ""] = /^Signing with (whsec_\S+)$/m.exec(listening.out()) ?? [];

  await app.waitForRequests(1, 20_000);
  way.cut();
  // These happen while nobody listens, or just as it comes back.
  for (const to of ["hardbounce@sandbox.test", "delivered@sandbox.test"]) await send(to);
  await isListening(3);
  await app.waitForRequests(3, 20_000);
  const events = app.requests.map((request) => verifyRequest(request, secret) as Omit<EventView, "id">);
  assert.deepEqual(
    events.map(({ type, data }) => [type, data.recipient]),
    [
      ["message.sent", "delivered@sandbox.test"],
      ["message.bounced", "hardbounce@sandbox.test"],
      ["message.sent", "delivered@sandbox.test"],
    ],
  );
  assert.equal(app.requests[0]?.headers["webhook-id"], events[0]?.data.id);
  assert.match(listening.out(), /message\.bounced {2}msg_\w+ {2}hardbounce@sandbox\.test {2}→ {2}204 in \d+ ms/);

  listening.kill("SIGTERM");
  const { code, err } = await listening.ended;
  assert.deepEqual([code, /To go on from here: --after (evt_\w+)/.exec(err)?.[1]], [0, events.at(-1)?.data.id]);

  // A second run begins where it is told to, with the same secret, and an app that fails stops nothing.
  app.answerWith(() => ({ status: 500 }));
  const again = await startPostern(["listen", "--forward-to", app.url, "--after", events[0]?.data.id ?? "", "--json"], { env });
  atEnd(async () => again.kill("SIGKILL"));
  await waitFor(
    () =>
      again
        .out()
        .split("\n")
        .filter((line) => line.includes('"message.sent"')).length >= 1,
    { what: "the events since then", timeoutMs: 20_000 },
  );
  assert.ok(again.err().includes(secret));
  const lines = again
    .out()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as EventView & { forwarded: string });
  assert.ok(lines.length > 0 && lines.every(({ forwarded }) => /^500 in/.test(forwarded)));
  assert.ok(lines.every(({ data }) => data.sequence > (events[0]?.data.sequence ?? 0)));
});

test("listen tries again what an app that is starting anew did not take, says so, and goes on where it never comes", async (t) => {
  const atEnd = atEndOf(t);
  const app = await startWebhookReceiver();
  atEnd(app.stop);
  let isAway = true;
  app.answerWith(({ number }) => {
    if (number < 3) return { cut: true };
    return isAway ? { status: 503 } : undefined;
  });
  const listening = await startPostern(["listen", "--forward-to", app.url, "--events", "message.sent"], { env });
  atEnd(async () => listening.kill("SIGKILL"));
  await waitFor(() => listening.err().includes("Listening at"), { what: "listen to be there", timeoutMs: 20_000 });
  await send("delivered@sandbox.test");
  // Cut, cut, 503, and once more: then the next event has its turn.
  await app.waitForRequests(4, 20_000);
  isAway = false;
  await send("delivered@sandbox.test");
  await app.waitForRequests(5, 20_000);
  await waitFor(() => listening.out().split("→").length === 3, { what: "both to be told", timeoutMs: 20_000 });
  const told = [...listening.err().matchAll(/^message\.sent: (.*)\. Trying again in (\S+) s \((\d) of 4\)\.$/gm)];
  assert.deepEqual(
    told.map(([, , wait, next]) => [wait, next]),
    [
      ["0.5", "2"],
      ["1", "3"],
      ["2", "4"],
    ],
  );
  assert.match(told[2]?.[1] ?? "", /^503 in/);
  assert.match(listening.out(), /→ {2}503 in \d+ ms\n[^\n]*→ {2}204 in/);
  const ids = app.requests.map(({ headers }) => headers["webhook-id"]);
  assert.deepEqual([new Set(ids.slice(0, 4)).size, new Set(ids).size], [1, 2], "it is the same event each time");
});

test("listen says at once what waiting will not mend", async () => {
  const noSuchType = await runPostern(["listen", "--forward-to", "http://127.0.0.1:9/", "--events", "message.snt"], { env });
  assert.equal(noSuchType.code, 1);
  assert.match(noSuchType.err, /^type/m);
  for (const [args, expected] of [
    [["--forward-to", "localhost:3000"], /^--forward-to: must be a URL/],
    [["--forward-to", "http://localhost:3000", "--secret", "x"], /^--secret: must be whsec_/],
  ] as const) {
    const said = await runPostern(["listen", ...args], { env });
    assert.equal(said.code, 2);
    assert.match(said.err, expected);
  }
});
