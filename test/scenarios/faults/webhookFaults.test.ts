// Endpoints of customers that do everything wrong, side by side with one that works, before one worker.
import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { type AtEnd, atEndOf } from "../../support/atEnd.ts";
import { faultRow } from "../../support/faultRow.ts";
import { type Gateway, startGateway } from "../../support/gateway.ts";
import { allEvents, sendBatches, testMessage } from "../../support/mailing.ts";
import { memoryOf } from "../../support/memory.ts";
import { sharedRedis } from "../../support/redis.ts";
import { startScriptedRelay } from "../../support/scriptedRelay.ts";
import { waitFor } from "../../support/waitFor.ts";
import { type Answer, type ReceivedRequest, startWebhookReceiver, verifyRequest } from "../../support/webhookReceiver.ts";

const redis = await sharedRedis();

const idOf = ({ headers }: ReceivedRequest) => String(headers["webhook-id"]);

/** What each endpoint does to the first try of its first ten events. Afterwards it works. */
const misbehaviours: Record<string, Answer> = {
  "answers 500": { status: 500 },
  "is silent": { hang: true },
  "resets the connection": { cut: true },
  "sends a gigabyte with its 500": { status: 500, hugeBodyBytes: 2 ** 30 },
  redirects: { status: 307, headers: { location: "/elsewhere" } },
};

async function startFaulty(atEnd: AtEnd, misbehaviour: Answer) {
  const seen = new Set<string>();
  const taken = new Set<string>();
  const receiver = await startWebhookReceiver({
    answer: (request) => {
      const id = idOf(request);
      if (request.path === "/hook" && seen.size < 10 && !seen.has(id)) {
        seen.add(id);
        return misbehaviour;
      }
      seen.add(id);
      taken.add(id);
      return undefined;
    },
  });
  atEnd(receiver.stop);
  return { receiver, taken };
}

/** An endpoint that says 200 and half an answer, or only half a status line, and nothing more. Counts the requests that came whole. */
async function startStalling(atEnd: AtEnd, answer: string): Promise<{ url: string; requests(): number }> {
  let requests = 0;
  const server: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      // Bodies are short: the last part of a request ends with its closing brace.
      if (!chunk.toString("latin1").trimEnd().endsWith("}")) return;
      requests += 1;
      socket.write(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(async () => server.close());
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}/hook`, requests: () => requests };
}

async function subscribe(api: Gateway, url: string, events: string[]): Promise<{ id: string; secret: string }> {
  const { status, body } = await api.post<{ id: string; secret: string }>("/v1/webhooks", { url, events });
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

type Delivery = { status: string; tries: { status: number | null; error: string | null }[] };

faultRow(
  {
    row: "20",
    fault:
      "webhook endpoints that answer 500, 410 or a redirect, are silent, reset, stop in the middle of their answer, or send a gigabyte of it",
    invariant:
      "every event reaches every endpoint that takes it, genuine and with one id; one that answered 410 is asked no more, and that is an event; no redirect is followed; the one that works is not kept waiting; memory stays as it was",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const relay = await startScriptedRelay();
    atEnd(relay.stop);
    const redisUrl = redis.freshUrl();
    const start = async (role: "api" | "worker") => {
      const gateway = await startGateway({
        env: { REDIS_URL: redisUrl, SMTP_URL: relay.url },
        config: "webhooks: { allow_private: true, timeout: 3s }",
        args: ["--role", role],
      });
      atEnd(() => gateway.stop());
      return gateway;
    };
    const [api, worker] = await Promise.all([start("api"), start("worker")]);
    const types = ["message.accepted", "message.sent"];
    const faulty = await Promise.all(
      Object.entries(misbehaviours).map(async ([name, misbehaviour]) => {
        const endpoint = await startFaulty(atEnd, misbehaviour);
        return { name, ...endpoint, ...(await subscribe(api, endpoint.receiver.url, types)) };
      }),
    );
    const gone = await startWebhookReceiver({ answer: () => ({ status: 410 }) });
    atEnd(gone.stop);
    const goneId = (await subscribe(api, gone.url, types)).id;
    const halfBody = await startStalling(atEnd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nso far");
    const halfBodyId = (await subscribe(api, halfBody.url, ["message.accepted"])).id;
    const halfHead = await startStalling(atEnd, "HTTP/1.1 200 OK\r\nContent-");
    const halfHeadId = (await subscribe(api, halfHead.url, ["message.accepted"])).id;
    const well = await startWebhookReceiver();
    atEnd(well.stop);
    const wellSecret = (await subscribe(api, well.url, types)).secret;

    const rssBefore = memoryOf(worker.pid);
    let rssMax = rssBefore;
    const watch = setInterval(() => {
      rssMax = Math.max(rssMax, memoryOf(worker.pid));
    }, 100);
    atEnd(async () => clearInterval(watch));
    await sendBatches(
      api,
      Array.from({ length: 20 }, (_, index) => testMessage(`m${index}`, `r${index}@example.net`)),
    );
    await waitFor(() => new Set(well.requests.map(idOf)).size === 40, { what: "the endpoint that works to have all", timeoutMs: 10_000 });

    const allTaken = () => {
      const waiting = faulty.filter(({ taken }) => taken.size < 40).map(({ name, taken }) => `${name}: ${taken.size}`);
      if (waiting.length > 0) throw new Error(waiting.join(", "));
      return true;
    };
    // A silent one has failed after its time-out, and is tried again 5 s later.
    await waitFor(allTaken, { what: "every endpoint to have all events", timeoutMs: 45_000, everyMs: 50 });
    const events = (await allEvents(api)).filter(({ type }) => types.includes(type));
    assert.equal(events.length, 40);
    const log = new Map(events.map((event) => [event.id, event]));
    for (const { name, receiver, secret } of [...faulty, { name: "works", receiver: well, secret: wellSecret }]) {
      for (const request of receiver.requests) {
        const { id: _id, ...body } = log.get(idOf(request)) ?? { id: "" };
        assert.deepEqual(verifyRequest(request, secret), body, name);
        assert.equal(request.path, "/hook", "a redirect was followed");
      }
      assert.equal(receiver.requests.length, name === "works" ? 40 : 50, `${name}: a try for each event, and one more for ten of them`);
    }
    assert.ok(gone.requests.length >= 1 && gone.requests.length <= 10, `${gone.requests.length} requests to the one that is gone`);
    assert.equal((await allEvents(api)).filter(({ type }) => type === "webhook.disabled").length, 1);
    const deliveriesOf = async (id: string) => (await api.get<{ data: Delivery[] }>(`/v1/webhooks/${id}/deliveries?limit=100`)).body.data;
    assert.ok((await deliveriesOf(goneId)).every(({ status }) => status !== "succeeded"));
    // The status was told: what follows it changes nothing, and is not waited for long.
    const half = async () => (await deliveriesOf(halfBodyId)).every(({ status }) => status === "succeeded");
    await waitFor(half, { what: "half an answer to count", timeoutMs: 10_000 });
    assert.equal(halfBody.requests(), 20);
    const tries = (await deliveriesOf(halfHeadId)).flatMap((delivery) => delivery.tries);
    assert.ok(tries.length > 0 && tries.every(({ status, error }) => status === null && error === "No answer within 3 s."));
    const grownMb = (rssMax - rssBefore) / 2 ** 20;
    assert.ok(grownMb < 120, `the worker's memory grew by ${Math.round(grownMb)} MB`);
    measured(
      `40 events at each of ${faulty.length + 2} endpoints, none missing; ten of each faulty one's tried again; 10 GB of answers, the worker grew by ${Math.round(grownMb)} MB`,
    );
  },
);
