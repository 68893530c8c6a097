import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { startWebhookReceiver, verifyRequest } from "./webhookReceiver.ts";

const secret = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;

test("a request is recorded with headers and raw body, and its signature is checked as a customer would", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  const body = '{"type":"message.sent",  "data":{}}';
  const now = new Date();
  const headers = {
    "webhook-id": "evt_1",
    "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
    "webhook-signature": new Webhook(secret).sign("evt_1", now, body),
  };
  const response = await fetch(`${receiver.url}?a=1`, { method: "POST", headers, body });
  assert.equal(response.status, 204);
  const [request] = await receiver.waitForRequests(1);
  assert.ok(request);
  assert.deepEqual([request.number, request.method, request.path, request.body.toString()], [1, "POST", "/hook?a=1", body]);
  assert.ok(request.at >= now.getTime());
  assert.deepEqual(verifyRequest(request, secret), JSON.parse(body));
  assert.throws(() => verifyRequest({ ...request, body: Buffer.from(`${body} `) }, secret), /No matching signature/);
});

test("each request is answered as the script says", async (t) => {
  const receiver = await startWebhookReceiver({
    answer: ({ number }) => {
      if (number === 1) return { status: 503, headers: { "retry-after": "7" }, body: "later", delayMs: 60 };
      if (number === 2) return { status: 302, headers: { location: "/elsewhere" } };
      if (number === 3) return { status: 200, hugeBodyBytes: 3_000_001 };
      return number === 4 ? { cut: true } : { hang: true };
    },
  });
  t.after(receiver.stop);
  const post = (signal?: AbortSignal) => fetch(receiver.url, { method: "POST", redirect: "manual", signal: signal ?? null });
  const began = performance.now();
  const first = await post();
  assert.ok(performance.now() - began >= 55);
  assert.deepEqual([first.status, first.headers.get("retry-after"), await first.text()], [503, "7", "later"]);
  assert.equal((await post()).headers.get("location"), "/elsewhere");
  assert.equal((await (await post()).arrayBuffer()).byteLength, 3_000_001);
  await assert.rejects(post(), TypeError);
  await assert.rejects(post(AbortSignal.timeout(100)), /aborted/);
  receiver.answerWith(() => undefined);
  assert.equal((await post()).status, 204);
  assert.equal(receiver.requests.length, 6);
});

test("requests that do not come are told with a number", async (t) => {
  const receiver = await startWebhookReceiver();
  t.after(receiver.stop);
  await assert.rejects(receiver.waitForRequests(1, 30), /waited 30 ms for 1 webhook requests; .*0 came/);
});
