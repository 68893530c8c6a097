// Health: alive, ready, and the little server beside the API that tells it too.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startMetricsServer } from "../../src/http/metricsServer.ts";
import { sharedRedis } from "../support/redis.ts";
import { assertProblem, openApp } from "./appForTests.ts";

const redis = await sharedRedis();
let problems: string[] = [];
const durability = () => ({ kind: "weak" as const, problems: ["appendfsync is everysec"] });
const gateway = await openApp(redis, () => ({ notReady: async () => problems, durability }));
after(() => gateway.close());

test("a process that is not ready is alive, and says in words what it lacks", async () => {
  problems = ["Redis does not answer", "stopping"];
  assert.deepEqual((await gateway.ask("GET", "/livez", { key: null })).body, { status: "live" });
  const answer = await gateway.ask("GET", "/readyz", { key: null });
  const body = assertProblem(answer, 503, "unavailable");
  assert.match(body.detail, /Redis does not answer; stopping/);
  assert.deepEqual(body.checks.process, { ok: false, problems });
  assert.equal(answer.headers["retry-after"], "1");
});

test("weak durability is shown by a process that is ready", async () => {
  problems = [];
  const { status, body, headers } = await gateway.ask("GET", "/readyz", { key: null });
  assert.equal(status, 200);
  assert.equal(headers["cache-control"], "no-store");
  assert.deepEqual(body, { status: "ready", checks: { process: { ok: true, problems: [] }, durability: { ok: false, ...durability() } } });
});

test("checks that do not end are a problem of their own, in time", async () => {
  const stuck = await openApp(redis, () => ({ notReady: () => new Promise(() => undefined) }));
  const before = performance.now();
  const body = assertProblem(await stuck.ask("GET", "/readyz"), 503, "unavailable");
  assert.ok(performance.now() - before < 2_000);
  assert.match(body.detail, /in time/);
  await stuck.close();
});

test("the metrics server tells metrics and health, and nothing else", async () => {
  let fails = false;
  const server = await startMetricsServer({
    host: "127.0.0.1",
    port: 0,
    metricsText: async () => {
      if (fails) throw new Error("no");
      return "postern_up 1\n";
    },
    notReady: async () => problems,
    durability,
  });
  const get = (path: string, method = "GET") => fetch(`${server.url}${path}`, { method });
  const metrics = await get("/metrics");
  assert.match(metrics.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  assert.equal(await metrics.text(), "postern_up 1\n");
  assert.equal((await get("/livez?x=1")).status, 200);
  assert.equal((await get("/readyz")).status, 200);
  problems = ["stopping"];
  const ready = await get("/readyz");
  assert.deepEqual([ready.status, ((await ready.json()) as { problems: string[] }).problems], [503, ["stopping"]]);
  problems = [];
  assert.equal((await get("/v1/messages")).status, 404);
  const post = await get("/metrics", "POST");
  assert.deepEqual([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
  assert.equal(await (await get("/metrics", "HEAD")).text(), "");
  fails = true;
  assert.equal((await get("/metrics")).status, 500);
  const taken = startMetricsServer({
    host: "127.0.0.1",
    port: Number(new URL(server.url).port),
    metricsText: async () => "",
    notReady: async () => [],
    durability,
  });
  await assert.rejects(taken, { code: "EADDRINUSE" });
  await server.stop();
  await assert.rejects(get("/livez"));
});
