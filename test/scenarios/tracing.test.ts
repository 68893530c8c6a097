// Traces, from the caller's own request to the request of a webhook, over two processes and a real OTLP collector; and that the collector's
// absence is felt by nobody.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { atEndOf } from "../support/atEnd.ts";
import { freePort } from "../support/freePort.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { allSettled, expectedOf, sendEach, testMessage } from "../support/mailing.ts";
import { type CollectedSpan, startOtlpCollector } from "../support/otlpCollector.ts";
import { reconcile } from "../support/reconcile.ts";
import { sharedRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";
import { startWebhookReceiver } from "../support/webhookReceiver.ts";

const redis = await sharedRedis();
const login = { user: "postern", pass: "secret" };

/** A trace as a caller begins it. */
function callersTrace() {
  const traceId = randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-01`, tracestate: "shop=cart:7" } };
}

/** Each span's name and that of the one that it belongs to, sorted. */
function tree(spans: readonly CollectedSpan[], callersSpan: string): string[] {
  const names = new Map([[callersSpan, "the caller"], ...spans.map(({ spanId, name }) => [spanId, name] as const)]);
  return spans.map(({ name, parentSpanId }) => `${names.get(parentSpanId)} > ${name}`).toSorted();
}

test("one trace leads from the caller's request through both processes, the queue, a deferral and the relay to the webhook", async (t) => {
  const atEnd = atEndOf(t);
  const collector = await startOtlpCollector();
  atEnd(collector.stop);
  const receiver = await startWebhookReceiver();
  atEnd(receiver.stop);
  const relay = await startScriptedRelay({
    starttls: true,
    auth: login,
    onRcpt: ({ address, attempt }) => (address.startsWith("later") && attempt === 1 ? "450 4.2.0 later, please" : undefined),
  });
  atEnd(relay.stop);
  const redisUrl = redis.freshUrl();
  const common = {
    REDIS_URL: redisUrl,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: "200",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
    LOG_LEVEL: "debug",
  };
  const config = `
relays:
  main: { host: 127.0.0.1, port: ${relay.port}, user: ${login.user}, pass: ${login.pass}, tls: required, verify: false, connections: 1 }
routes: [{ relays: [main] }]
retry: { schedule: [300ms] }
webhooks: { allow_private: true }
`;
  const start = async (role: string, env: Record<string, string>) => {
    const gateway = await startGateway({ env: { ...common, ...env }, args: ["--role", role], config });
    atEnd(() => gateway.stop());
    return gateway;
  };
  const [api, worker] = await Promise.all([
    start("api", { OTEL_SERVICE_NAME: "mail-api", OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" }),
    start("worker", { OTEL_SERVICE_NAME: "mail-worker", OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }),
  ]);
  const made = await api.post("/v1/webhooks", { url: `${receiver.url}?secret=hidden`, events: ["message.deferred", "message.sent"] });
  assert.equal(made.status, 201);

  const trace = callersTrace();
  const { body: sent } = await api.post<MessageView>("/v1/messages", testMessage("one", ["later@example.net"]), {
    ...trace.headers,
    "x-request-id": "request_of_one",
  });
  await api.messageSettled(sent.id);
  const requests = await receiver.waitForRequests(2, 15_000);
  const spansOf = (traceId: string) => collector.spans.filter((span) => span.traceId === traceId);
  const isWhole = (traceId: string, count: number) => () => spansOf(traceId).length >= count;
  await collector.waitForSpans("the first message's spans", isWhole(trace.traceId, 15));
  const spans = spansOf(trace.traceId);

  await t.test("the spans are a tree, with the steps of each attempt", () => {
    const twice = ["accept > queue", "accept > deliver", "deliver > smtp envelope"];
    assert.deepEqual(
      tree(spans, trace.spanId),
      [
        ...["the caller > POST /v1/messages", "POST /v1/messages > accept"],
        ...[...twice, ...twice],
        ...["connect", "tls", "login", "data", "reply"].map((step) => `deliver > smtp ${step}`),
        ...["accept > webhook message.deferred", "accept > webhook message.sent"],
      ].toSorted(),
    );
  });

  await t.test("each span says who made it, and which message and request it is about", () => {
    for (const span of spans) {
      const isOfApi = ["POST /v1/messages", "accept"].includes(span.name);
      assert.equal(span.resource["service.name"], isOfApi ? "mail-api" : "mail-worker", span.name);
      assert.equal(span.resource["deployment.environment.name"], "test");
      if (span.name !== "POST /v1/messages") assert.equal(span.attributes["postern.message.id"], sent.id, span.name);
      if (isOfApi) assert.equal(span.attributes["postern.request.id"], "request_of_one");
      assert.equal(span.traceState, "shop=cart:7");
      assert.ok(span.endedAt >= span.startedAt, span.name);
    }
    const [request] = spans.filter(({ name }) => name === "POST /v1/messages");
    assert.deepEqual([request?.kind, request?.attributes["http.response.status_code"], request?.isError], [2, 202, false]);
  });

  await t.test("each attempt says what it came to", () => {
    const attempts = spans.filter(({ name }) => name === "deliver").toSorted((a, b) => a.startedAt - b.startedAt);
    assert.deepEqual(
      attempts.map(({ isError, attributes }) => [isError, attributes["postern.outcomes"], attributes["postern.smtp.reply_codes"]]),
      [
        [true, ["deferred"], [450]],
        [false, ["sent"], [250]],
      ],
    );
    assert.deepEqual(
      attempts.map(({ attributes }) => [attributes["postern.attempt"], attributes["postern.connection.reused"], attributes["server.port"]]),
      [
        [1, false, relay.port],
        [2, true, relay.port],
      ],
    );
    const [first, second] = attempts as [CollectedSpan, CollectedSpan];
    assert.ok(second.startedAt >= first.endedAt, "the second came after the first");
    const [, waited] = spans.filter(({ name }) => name === "queue").toSorted((a, b) => a.startedAt - b.startedAt);
    assert.ok(waited && waited.startedAt >= first.endedAt + 150, "the wait began when the second was due");
  });

  await t.test("the webhook's requests carry the trace on", () => {
    const ids = spans.filter(({ name }) => name.startsWith("webhook")).map(({ spanId }) => spanId);
    for (const { headers } of requests) {
      const [version, traceId, spanId = "", flags] = String(headers.traceparent).split("-");
      assert.deepEqual([version, traceId, flags], ["00", trace.traceId, "01"]);
      assert.ok(ids.includes(spanId), "its parent is the span of the request itself");
      assert.equal(headers.tracestate, "shop=cart:7");
    }
  });

  await t.test("the log lines about the request name message, request and trace", () => {
    const lines = api.logs().flatMap((line) => (line.includes('"msg":"request"') ? [JSON.parse(line)] : []));
    const [line] = lines.filter(({ request_id }) => request_id === "request_of_one");
    const [span] = spans.filter(({ name }) => name === "POST /v1/messages");
    assert.deepEqual([line?.message_id, line?.trace_id, line?.span_id], [sent.id, trace.traceId, span?.spanId]);
  });

  await t.test("each message of a batch goes on by itself, under the one request", async () => {
    const own = callersTrace();
    const messages = [testMessage("b1", ["b1@example.net"]), testMessage("b2", ["b2@example.net"]), { from: "no address" }];
    const { body } = await api.post<{ data: { id?: string }[] }>("/v1/messages/batch", { messages }, own.headers);
    const ids = body.data.flatMap(({ id }) => id ?? []);
    assert.equal(ids.length, 2);
    await allSettled(api, ids);
    const sentSpans = (id: string) => spansOf(own.traceId).filter(({ attributes }) => attributes["postern.message.id"] === id);
    await collector.waitForSpans("the batch's spans", () =>
      ids.every((id) => sentSpans(id).some(({ name }) => name.startsWith("webhook"))),
    );
    const [request] = spansOf(own.traceId).filter(({ name }) => name === "POST /v1/messages/batch");
    assert.equal(request?.parentSpanId, own.spanId);
    for (const id of ids) {
      const [accepted] = sentSpans(id).filter(({ name }) => name === "accept");
      assert.equal(accepted?.parentSpanId, request?.spanId);
      const names = sentSpans(id).map(({ name }) => name);
      for (const name of ["queue", "deliver", "smtp data", "webhook message.sent"]) assert.ok(names.includes(name), `${id}: ${names}`);
    }
  });

  await t.test(
    "a trace that the caller does not keep is passed on and not exported, and one without a caller begins with the request",
    async () => {
      const unkept = callersTrace();
      const headers = { ...unkept.headers, traceparent: unkept.headers.traceparent.replace(/01$/, "00") };
      const before = receiver.requests.length;
      const { body: quiet } = await api.post<MessageView>("/v1/messages", testMessage("quiet", ["quiet@example.net"]), headers);
      const { body: fresh } = await api.post<MessageView>("/v1/messages", testMessage("fresh", ["fresh@example.net"]), {
        traceparent: "00-garbage-01",
      });
      await allSettled(api, [quiet.id, fresh.id]);
      const webhooks = await receiver.waitForRequests(before + 2, 15_000);
      const passedOn = webhooks.slice(before).map(({ headers: { traceparent } }) => String(traceparent));
      assert.ok(passedOn.some((text) => text.startsWith(`00-${unkept.traceId}-`) && text.endsWith("-00")));
      const ofFresh = () => collector.spans.filter(({ attributes }) => attributes["postern.message.id"] === fresh.id);
      await collector.waitForSpans("the spans of the one without a caller", () => ofFresh().some(({ name }) => name.startsWith("webhook")));
      const [root] = spansOf(ofFresh()[0]?.traceId ?? "").filter(({ name }) => name === "POST /v1/messages");
      assert.equal(root?.parentSpanId, "");
      assert.deepEqual(spansOf(unkept.traceId), []);
    },
  );

  await t.test("a stop exports what is left", async () => {
    const last = callersTrace();
    const { body } = await api.post<MessageView>("/v1/messages", testMessage("last", ["last@example.net"]), last.headers);
    await api.messageSettled(body.id);
    await Promise.all([api.stop(), worker.stop()]);
    const names = spansOf(last.traceId).map(({ name }) => name);
    for (const name of ["POST /v1/messages", "accept", "deliver"]) assert.ok(names.includes(name), `${names}`);
  });

  await t.test("no span holds an address, a path of a webhook, or anything of the content", () => {
    const everything = collector.requests.map(({ body }) => body.toString("latin1")).join("\n");
    for (const forbidden of ["@example", "later@", "Test one", "hidden", login.pass, api.apiKey, "please"]) {
      assert.ok(!everything.includes(forbidden), forbidden);
    }
    assert.ok(everything.includes(sent.id), "it was looked for in what was sent");
  });
});

test("a collector that is dead, hangs or refuses loses no mail, delays no stop and is told once", async (t) => {
  const atEnd = atEndOf(t);
  const relay = await startScriptedRelay();
  atEnd(relay.stop);
  const collector = await startOtlpCollector();
  atEnd(collector.stop);
  collector.answerWith({ hang: true });
  const start = async (endpoint: string) => {
    const gateway = await startGateway({
      env: {
        REDIS_URL: redis.freshUrl(),
        SMTP_URL: relay.url,
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_EXPORTER_OTLP_TIMEOUT: "500",
        OTEL_BSP_SCHEDULE_DELAY: "50",
        OTEL_BSP_MAX_QUEUE_SIZE: "512",
      },
    });
    atEnd(() => gateway.stop());
    return gateway;
  };
  const told = (gateway: Gateway) => gateway.logs().filter((line) => line.includes("traces are not exported"));
  const [dead, hanging] = await Promise.all([start(`http://127.0.0.1:${await freePort()}`), start(collector.url)]);
  const all = await Promise.all(
    [dead, hanging].map(async (gateway, index) => {
      // More spans than there is room for.
      const messages = Array.from({ length: 100 }, (_, number) => testMessage(`${index}-${number}`, `${index}.${number}@example.net`));
      await allSettled(
        gateway,
        (await sendEach(gateway, messages)).map(({ id }) => id),
      );
      return messages;
    }),
  );
  assert.deepEqual(reconcile({ expected: expectedOf(all.flat()), mails: relay.accepted }), { lost: [], doubled: [], unexpected: [] });
  for (const gateway of [dead, hanging]) {
    await waitFor(() => told(gateway).length > 0, { what: "the log to say that spans are lost", timeoutMs: 15_000 });
  }
  // Until it is past several exports that failed.
  await waitFor(() => collector.requests.length >= 3, { what: "further exports", timeoutMs: 15_000 });
  const startedAt = performance.now();
  await Promise.all([dead, hanging].map((gateway) => gateway.stop()));
  assert.ok(performance.now() - startedAt < 15_000, "the stop waits 2 s for the collector at most");
  for (const gateway of [dead, hanging]) {
    assert.equal(told(gateway).length, 1, told(gateway).join("\n"));
    assert.equal((await gateway.exited).code, 0);
  }
});
