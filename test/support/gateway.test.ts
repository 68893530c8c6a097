import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startGateway } from "./gateway.ts";
import { untilGone } from "./process.ts";
import { temporaryFolder } from "./temporaryFolder.ts";

/** A stand-in for the product that says ready in the same words, and shows what it was started with. */
async function standIn(t: TestContext, beforeReady = ""): Promise<string> {
  const folder = await temporaryFolder({ name: "stand-in" });
  t.after(folder.remove);
  const program = join(folder.path, "main.mjs");
  await writeFile(
    program,
    `
    import { mkdirSync } from "node:fs";
    import { createServer } from "node:http";
    ${beforeReady}
    mkdirSync(process.env.POSTERN_DATA_DIR, { recursive: true });
    let polls = 0;
    const server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const { method, url, headers } = request;
      const status = polls++ < 3 ? "sending" : "sent";
      const message = { id: "msg_1", recipients: [{ status: "sent" }, { status: polls > 9 ? "deferred" : status }] };
      const echo = { method, url, headers, body: Buffer.concat(chunks).toString(), env: process.env, argv: process.argv.slice(2) };
      response.setHeader("content-type", "application/problem+json; charset=utf-8");
      response.end(JSON.stringify(url === "/v1/messages/msg_1" ? message : echo));
    });
    process.on("SIGTERM", () => process.exit(7));
    server.listen(Number(process.env.PORT), "127.0.0.1", () => {
      console.log("a banner");
      console.log(JSON.stringify({ level: 30, url: "http://127.0.0.1:" + server.address().port, msg: "ready" }));
    });
    `,
  );
  return program;
}

type Echo = { method: string; url: string; headers: Record<string, string>; body: string; env: Record<string, string>; argv: string[] };

test("the process gets a clean environment, its arguments, and the requests as they were meant", async (t) => {
  const gateway = await startGateway({ program: await standIn(t), env: { REDIS_URL: "redis://x" }, args: ["--role", "api"] });
  t.after(() => gateway.stop());
  const { status, body } = await gateway.post<Echo>("/v1/messages?a=1", { to: "a" }, { "idempotency-key": "k" });
  assert.equal(status, 200);
  assert.deepEqual([body.method, body.url, body.body], ["POST", "/v1/messages?a=1", '{"to":"a"}']);
  assert.deepEqual(body.argv, ["start", "--role", "api"]);
  assert.equal(body.headers.authorization, `Bearer ${body.env.POSTERN_API_KEY}`);
  assert.equal(body.headers["content-type"], "application/json");
  assert.equal(body.headers["idempotency-key"], "k");
  const names = ["HOME", "LOG_FORMAT", "METRICS_PORT", "PATH", "PORT", "POSTERN_API_KEY", "POSTERN_DATA_DIR", "REDIS_URL", "TMPDIR"];
  assert.deepEqual(Object.keys(body.env).sort(), names);
  const raw = await gateway.post<Echo>("/v1/messages/raw", Buffer.from("Subject: x"), { "content-type": "message/rfc822" });
  assert.deepEqual([raw.body.body, raw.body.headers["content-type"]], ["Subject: x", "message/rfc822"]);
  const read = await gateway.request<Echo>("DELETE", "/v1/keys/1");
  assert.deepEqual([read.body.method, read.body.headers["content-type"]], ["DELETE", undefined]);
  assert.ok(gateway.logs().includes("a banner"));
});

test("a message counts as settled when none of its recipients is open, and what is open is told", async (t) => {
  const gateway = await startGateway({ program: await standIn(t), env: { REDIS_URL: "redis://x" } });
  t.after(() => gateway.stop());
  const message = await gateway.messageSettled("msg_1");
  assert.deepEqual(
    message.recipients.map(({ status }) => status),
    ["sent", "sent"],
  );
  for (let polls = 4; polls < 10; polls++) await gateway.get("/v1/other");
  await assert.rejects(gateway.messageSettled("msg_1", 60), /waited 60 ms for message msg_1 to be settled; .*"deferred"/);
});

test("stop ends the process gently and removes its folder; a killed one tells its signal", async (t) => {
  const program = await standIn(t);
  const gateway = await startGateway({ program, env: { REDIS_URL: "redis://x" } });
  assert.ok(existsSync(gateway.dataDir));
  await gateway.stop();
  assert.deepEqual(await gateway.exited, { code: 7, signal: null });
  assert.equal(existsSync(gateway.dataDir), false);

  const killed = await startGateway({ program, env: { REDIS_URL: "redis://x" } });
  killed.kill("SIGKILL");
  assert.deepEqual(await killed.exited, { code: null, signal: "SIGKILL" });
  assert.ok(existsSync(killed.dataDir));
  await assert.rejects(killed.get("/"), /fetch failed/);
  await killed.stop();
  await untilGone(killed.pid);
});

test("one that ends or never gets ready is told with its log", async (t) => {
  const env = { REDIS_URL: "redis://x" };
  const failing = await standIn(t, `console.error("PORT: wrong"); process.exit(2);`);
  await assert.rejects(startGateway({ program: failing, env }), /ended with code 2 before it was ready\nPORT: wrong/);
  const silent = await standIn(t, `console.log("hm"); await new Promise((resolve) => setTimeout(resolve, 1e6));`);
  await assert.rejects(startGateway({ program: silent, env, readyTimeoutMs: 400 }), /waited 400 ms for the gateway to be ready.*\nhm/);
});
