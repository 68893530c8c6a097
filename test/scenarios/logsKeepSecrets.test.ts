// Logs never hold secrets, content or addresses: strings that stand nowhere else are put into every field of every request and into what
// relays and webhooks say, through success and failure, at the finest level; none of them is in anything that the process writes, in its
// metrics, or in the traces that it exports.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { MessageView } from "../../src/domain/messageView.ts";
import { atEndOf } from "../support/atEnd.ts";
import { freePort } from "../support/freePort.ts";
import { startGateway } from "../support/gateway.ts";
import { startOtlpCollector } from "../support/otlpCollector.ts";
import { startProxy } from "../support/proxy.ts";
import { startRedis } from "../support/redis.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { waitFor } from "../support/waitFor.ts";
import { startWebhookReceiver } from "../support/webhookReceiver.ts";

/** A new string for each use, and all of them so far. */
function canaries() {
  const made = new Map<string, string>();
  const canary = (what: string) => {
    const text = `canary${randomBytes(9).toString("hex")}`;
    made.set(text, what);
    return text;
  };
  /** What of them a text holds, plain, in base64 at any offset, or reversed by case. */
  const foundIn = (text: string) => {
    const lower = text.toLowerCase();
    const inBase64 = (word: string) =>
      ["", "x", "xy"].map((before) =>
        Buffer.from(before + word)
          .toString("base64")
          .slice(4, -4),
      );
    return [...made]
      .filter(([word]) => lower.includes(word) || inBase64(word).some((piece) => text.includes(piece)))
      .map(([, what]) => what);
  };
  return { canary, foundIn };
}

test("no secret, no address and nothing of a message is in any line of the log, any metric or any span, whatever succeeds, fails or breaks", async (t) => {
  const atEnd = atEndOf(t);
  const { canary, foundIn } = canaries();
  const login = { user: canary("SMTP user"), pass: canary("SMTP password") };
  const echo = canary("a relay's reply");
  const relay = await startScriptedRelay({
    starttls: true,
    auth: login,
    onRcpt: ({ address, attempt }) => {
      if (address.startsWith("refused")) return `550 5.1.1 <${address}> ${echo}`;
      if (address.startsWith("later") && attempt < 2) return `450 4.2.0 <${address}> ${echo}`;
      return undefined;
    },
    onBody: ({ to }) => (to.some((address) => address.startsWith("cut")) ? 20 : undefined),
    onData: ({ to, raw, attempt }) => {
      if (to.some((address) => address.startsWith("content")))
        return `554 5.6.0 ${echo} ${raw
          .toString("latin1")
          .replace(/[\r\n]+/g, " ")
          .slice(0, 400)}`;
      if (to.some((address) => address.startsWith("doubt")) && attempt < 2) return { cut: true };
      return undefined;
    },
  });
  atEnd(relay.stop);
  const strange = await startScriptedRelay({
    onCommand: ({ verb, line }) => (verb.endsWith("LO") ? `554 5.7.1 ${line} ${echo}` : undefined),
  });
  atEnd(strange.stop);
  const wrongPass = { user: canary("user of another relay"), pass: canary("wrong SMTP password") };
  const redis = await startRedis();
  atEnd(redis.stop);
  const proxy = await startProxy({ target: { port: redis.port } });
  atEnd(proxy.stop);
  const webhookEcho = canary("a webhook's answer");
  const receiver = await startWebhookReceiver({
    answer: ({ number, body }) =>
      number % 2 ? { status: 500, headers: { "x-echo": webhookEcho }, body: `${webhookEcho} ${body}` } : undefined,
  });
  atEnd(receiver.stop);

  const collector = await startOtlpCollector();
  atEnd(collector.stop);
  const apiKey = canary("bootstrap key").padEnd(40, "0");
  const gateway = await startGateway({
    env: {
      REDIS_URL: redis.url.replace(`:${redis.port}`, `:${proxy.port}`),
      NODE_ENV: "production",
      LOG_LEVEL: "trace",
      POSTERN_API_KEY: apiKey,
      METRICS_PORT: String(await freePort()),
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${canary("collector's key")}`,
      PASS: login.pass,
      WRONG: wrongPass.pass,
    },
    config: `
relays:
  good: { host: 127.0.0.1, port: ${relay.port}, user: ${login.user}, pass: "\${PASS}", tls: required, verify: false }
  wrong: { host: 127.0.0.1, port: ${relay.port}, user: ${wrongPass.user}, pass: "\${WRONG}", tls: required, verify: false }
  unverified: { host: 127.0.0.1, port: ${relay.port}, user: ${login.user}, pass: "\${PASS}", tls: required }
  strange: { url: "${strange.url}" }
routes:
  - { from_domain: wrong.example, relays: [wrong] }
  - { from_domain: unverified.example, relays: [unverified] }
  - { from_domain: strange.example, relays: [strange] }
  - { relays: [good] }
retry: { schedule: [200ms] }
timeouts: { owner_lease: 2s }
webhooks: { allow_private: true }
limits: { per_tenant: { requests: 100000/s }, tenants: { limited: { requests: 1/h, queued: 1 } } }
`,
  });
  atEnd(() => gateway.stop());

  const filled = (to: string, changes: Record<string, unknown> = {}) => ({
    from: { address: `${canary("sender")}@example.com`, name: canary("sender's name") },
    to: [{ address: `${to}.${canary("recipient")}@example.net`, name: canary("recipient's name") }],
    reply_to: `${canary("reply-to")}@example.net`,
    subject: canary("subject"),
    text: `${canary("text")}\n`.repeat(50),
    html: `<p>${canary("html")}</p>`,
    headers: { "X-Canary": canary("header") },
    attachments: [{ filename: `${canary("filename")}.txt`, content: Buffer.from(canary("attachment")).toString("base64") }],
    tags: [canary("tag")],
    metadata: { [canary("metadata name")]: canary("metadata") },
    ...changes,
  });
  const key = () => ({ "idempotency-key": canary("Idempotency-Key") });
  const from = (domain: string) => ({ from: `${canary("sender")}@${domain}`, expires_after: "2s" });

  // Webhooks, with secrets in their URL and in their answer.
  const hook = await gateway.post<{ id: string; secret: string }>("/v1/webhooks", {
    url: `${receiver.url}/${canary("webhook path")}?token=${canary("webhook query")}`,
    events: ["*"],
    description: canary("webhook description"),
  });
  assert.equal(hook.status, 201);
  const webhookSecret = hook.body.secret.replace("whsec_", "");
  const withLogin = { url: `https://${canary("webhook user")}:${canary("webhook password")}@example.com/`, events: ["*"] };
  assert.equal((await gateway.post("/v1/webhooks", withLogin)).status, 422);

  // Everything that can become of a message.
  const outcomes: Record<string, { body: unknown; status: string }> = {
    sent: { body: filled("sent"), status: "sent" },
    refused: { body: filled("refused"), status: "bounced" },
    "tried again": { body: filled("later"), status: "sent" },
    "refused for its content": { body: filled("content"), status: "bounced" },
    // Its dot may have been on its way when it was cut.
    "cut in its body": { body: filled("cut", { expires_after: "2s" }), status: "failed or unknown" },
    "in doubt": { body: filled("doubt"), status: "sent" },
    "by a relay whose password is wrong": { body: filled("x", from("wrong.example")), status: "failed" },
    "by a relay whose certificate is": { body: filled("x", from("unverified.example")), status: "failed" },
    "by a relay that says strange things": { body: filled("x", from("strange.example")), status: "failed" },
  };
  const sent: [string, string][] = [];
  for (const [what, { body }] of Object.entries(outcomes)) {
    const answer = await gateway.post<MessageView>("/v1/messages", body, key());
    assert.equal(answer.status, 202, JSON.stringify(answer.body));
    sent.push([what, answer.body.id]);
  }
  const raw = `From: ${canary("raw sender")}@example.com\r\nTo: b@example.net\r\nSubject: ${canary("raw subject")}\r\n\r\n${canary("raw body")}\r\n`;
  const envelope = { "x-envelope-from": "a@example.com", "x-envelope-to": `${canary("raw recipient")}@example.net` };
  assert.equal((await gateway.post("/v1/messages/raw", raw, { "content-type": "message/rfc822", ...envelope, ...key() })).status, 202);
  assert.equal((await gateway.post("/v1/messages/batch", { messages: [filled("sent"), filled("a b")] }, key())).status, 200);

  // Every kind of refusal.
  const refusals: [status: number, path: string, body: unknown, headers?: Record<string, string>][] = [
    [422, "/v1/messages", filled("two words")],
    [422, "/v1/messages", filled("x", { [canary("unknown field")]: canary("its value") })],
    [422, "/v1/messages", filled("x", { headers: { Bcc: `${canary("smuggled")}@example.org` } })],
    [400, "/v1/messages", `{"subject": "${canary("broken JSON")}", `],
    [400, "/v1/messages", `{"${canary("doubled name")}": 1, "__proto__": "${canary("prototype")}"}`],
    [415, "/v1/messages", canary("text body"), { "content-type": "text/plain" }],
    [401, "/v1/messages", filled("x"), { authorization: `Bearer ${canary("wrong key").padEnd(40, "0")}` }],
    [401, "/v1/messages", filled("x"), { authorization: `Basic ${Buffer.from(canary("basic")).toString("base64")}` }],
    [404, `/v1/${canary("path")}`, filled("x")],
    [404, `/v1/messages/${canary("message id")}/cancel`, undefined],
    [422, `/v1/messages?${canary("parameter")}=${canary("parameter's value")}`, filled("x")],
    [422, "/v1/messages", filled("x"), { "idempotency-key": `ü${canary("bad Idempotency-Key")}` }],
    [
      422,
      "/v1/messages/raw",
      { envelope: { from: "a@example.com", to: ["b@example.net"] }, raw: Buffer.from(canary("no message")).toString("base64") },
    ],
  ];
  for (const [status, path, body, headers = {}] of refusals) {
    const answer = await gateway.post(
      path,
      body,
      Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString("latin1")])),
    );
    assert.equal(answer.status, status, `${path} ${JSON.stringify(answer.body)}`);
  }

  // A key of its own, over its limits, then ended.
  const made = await gateway.post<{ id: string; key: string }>("/v1/keys", {
    name: canary("key name"),
    tenant: "limited",
    scopes: ["send", "manage"],
  });
  assert.equal(made.status, 201);
  const keySecret = made.body.key.split("_").at(-1) as string;
  const limited = { authorization: `Bearer ${made.body.key}` };
  assert.equal((await gateway.post("/v1/messages", filled("sent"), limited)).status, 202);
  assert.equal((await gateway.post("/v1/messages", filled("sent"), limited)).status, 429);

  // A fault of ours, in the middle of storing.
  const broken = await gateway.post<{ key: string }>("/v1/keys", { name: "broken", tenant: "broken", scopes: ["send"] });
  assert.equal(broken.status, 201);
  await redis.command("SET", "{postern:0}:t:broken:messages", "no-list-of-messages");
  const faulty = await gateway.post("/v1/messages", filled("sent"), { authorization: `Bearer ${broken.body.key}`, ...key() });
  assert.equal(faulty.status, 500);

  for (const [what, id] of sent) {
    const expected = outcomes[what]?.status;
    const { status } = await gateway.messageSettled(id, 30_000);
    assert.ok(expected?.split(" or ").includes(status), `${what}: ${status}`);
  }
  await waitFor(() => receiver.requests.length >= 10, { what: "webhooks to be called" });

  // Redis away, in the middle of everything.
  await proxy.refuse();
  proxy.cut();
  for (let index = 0; index < 5; index++) assert.equal((await gateway.post("/v1/messages", filled("sent"), key())).status, 503);
  await proxy.accept();
  await waitFor(async () => (await gateway.post("/v1/messages", filled("sent"), key())).status === 202, {
    what: "Redis to be back",
    timeoutMs: 15_000,
  });

  const metrics = await (await fetch(`${gateway.metricsUrl}/metrics`)).text();
  gateway.kill("SIGTERM");
  await gateway.exited;
  const lines = gateway.logs();
  for (const told of [
    '"msg":"request"',
    '"msg":"Redis is away"',
    '"msg":"no further session"',
    '"msg":"stopped"',
    '"msg":"a request failed"',
    '"refused":"rate_limited"',
  ]) {
    assert.ok(
      lines.some((line) => line.includes(told)),
      `nothing is logged with ${told}`,
    );
  }
  for (const name of ["POST /v1/messages", "accept", "queue", "deliver", "smtp login", "webhook message.bounced"]) {
    assert.ok(
      collector.spans.some((span) => span.name === name),
      `nothing is exported of ${name}`,
    );
  }
  const spans = collector.spans.map((span) => JSON.stringify(span));
  for (const line of [...lines, ...metrics.split("\n"), ...spans]) {
    assert.deepEqual(foundIn(line), [], line);
    assert.ok(!line.includes(webhookSecret) && !line.includes(keySecret), line);
  }
  t.diagnostic(`${lines.length} lines, ${spans.length} spans`);
});
