// What operators look at: a real Prometheus, with the configuration and the rules that Compose gives it, scrapes a gateway that has lived
// through what gateways live through. Every query of the dashboard must then show something.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import { dashboardQueries } from "../helm/dashboardQueries.ts";
import { type AtEnd, atEndOf } from "../support/atEnd.ts";
import { freePort } from "../support/freePort.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { allSettled, sendEach, testMessage } from "../support/mailing.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { startRedis } from "../support/redis.ts";
import { dsn } from "../support/reportMail.ts";
import { startScriptedRelay } from "../support/scriptedRelay.ts";
import { smtpSend } from "../support/smtpTalk.ts";
import { waitFor } from "../support/waitFor.ts";
import { startWebhookReceiver } from "../support/webhookReceiver.ts";

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Upkeep mends only what went wrong, which nothing here does on purpose. */
const mayBeEmpty = ["Put right by upkeep", "Provider notifications"];

async function startBusyGateway(atEnd: AtEnd): Promise<{ gateway: Gateway; bouncePort: number }> {
  const redis = await startRedis({ maxmemory: "256mb" });
  atEnd(redis.stop);
  const relay = await startScriptedRelay({
    onRcpt: ({ address }) => (address.startsWith("gone") ? "550 5.1.1 User unknown" : undefined),
  });
  atEnd(relay.stop);
  const bouncePort = await freePort();
  // Nobody listens there: mail for it goes to the next relay.
  const dead = await freePort();
  const relays = `dead: { url: "smtp://127.0.0.1:${dead}" }, office: { url: "${relay.url}" }, spare: { url: "${relay.url}" }`;
  const gateway = await startGateway({
    env: {
      REDIS_URL: redis.freshUrl(),
      METRICS_PORT: String(await freePort()),
      RETURN_PATH_DOMAIN: "bounces.example.com",
      BOUNCE_PORT: String(bouncePort),
    },
    config: `{ relays: { ${relays} }, routes: [{ relays: [dead, office] }], webhooks: { allow_private: true }, retry: { schedule: [200ms] } }`,
  });
  atEnd(() => gateway.stop());
  return { gateway, bouncePort };
}

/** Mail of both lanes that is sent, bounced and told of; requests that are refused; a report by each way; a relay that is paused. */
async function live(gateway: Gateway, bouncePort: number, hook: string): Promise<void> {
  const messages = Array.from({ length: 12 }, (_, index) =>
    testMessage(`m${index}`, `${index % 3 === 0 ? "gone" : "fine"}${index}.${Date.now()}@example.net`, {
      lane: index % 2 === 0 ? "transactional" : "broadcast",
    }),
  );
  await gateway.post("/v1/webhooks", { url: hook, events: ["*"] });
  const accepted = await sendEach(gateway, messages);
  await allSettled(
    gateway,
    accepted.map(({ id }) => id),
  );
  assert.equal((await gateway.post("/v1/messages", { from: "nobody" })).status, 422);
  await gateway.request("POST", "/v1/bounces", {
    body: dsn({ recipient: "ada@example.net" }),
    headers: { "content-type": "message/rfc822" },
  });
  await smtpSend(bouncePort, { to: "postmaster@bounces.example.com", raw: dsn({ recipient: "bob@example.net" }) });
  assert.equal((await gateway.post("/v1/relays/spare/pause")).status, 200);
}

test("every query of the dashboard shows something of a gateway that works, every rule is evaluated, and the chart's own test passes", async (t) => {
  const atEnd = atEndOf(t);
  const { gateway, bouncePort } = await startBusyGateway(atEnd);
  const receiver = await startWebhookReceiver();
  atEnd(receiver.stop);
  const config = readFileSync(pathOf("compose/prometheus.yaml"), "utf8")
    .replace("gateway:9464", new URL(gateway.metricsUrl).host)
    .replaceAll(/_interval: 15s/g, "_interval: 1s");
  const prometheus = await startPrometheus({ config, files: [pathOf("helm/files/alerts.yaml")] });
  atEnd(prometheus.stop);

  // A rate needs a second look, so there is more to see after the first.
  await live(gateway, bouncePort, receiver.url);
  await waitFor(async () => (await prometheus.query("postern_workers")).length > 0 || undefined, { what: "a scrape", timeoutMs: 30_000 });
  await live(gateway, bouncePort, receiver.url);

  const expected = dashboardQueries.filter(({ title }) => !mayBeEmpty.includes(title));
  const allShown = async () => {
    // Rates, and shares of them, are of what goes on.
    await sendEach(gateway, [testMessage(`more${Date.now()}`, "fine@example.net")]);
    const blank: string[] = [];
    for (const { title, query } of expected) {
      const samples = await prometheus.query(query);
      if (samples.every(({ value }) => Number.isNaN(value))) blank.push(`\n${title}: ${query}`);
    }
    if (blank.length > 0) throw new Error(`nothing to see of ${blank.join("")}`);
    return true;
  };
  await waitFor(allShown, { what: "every query to show something", timeoutMs: 45_000, everyMs: 500 });
  for (const { query } of dashboardQueries) await prometheus.query(query);

  const value = async (query: string) => (await prometheus.query(query))[0]?.value;
  assert.equal(await value("max(postern_workers)"), 1);
  assert.equal(await value('postern_relay_paused{relay="spare"}'), 1);
  assert.equal(await value('postern_relay_paused{relay="office"}'), 0);
  assert.equal(await value('postern_redis_durability{kind="durable"}'), 1);
  assert.equal(await value("postern_redis_memory_limit_bytes"), 256 * 1024 ** 2);
  assert.ok(((await value("postern_redis_memory_used_bytes")) ?? 0) > 100_000);

  const rules = await waitFor(
    async () => {
      const found = await prometheus.rules();
      return found.length > 0 && found.every(({ health }) => health !== "unknown") ? found : undefined;
    },
    { what: "every rule to be evaluated", timeoutMs: 30_000 },
  );
  assert.deepEqual(
    rules.filter(({ health }) => health !== "ok"),
    [],
  );

  await runHelmTest(gateway.url);
});

/** The program that the chart's test pod runs, against this gateway. Rejects with what it prints if it fails. */
async function runHelmTest(url: string): Promise<void> {
  type Pod = { kind: string; spec: { containers: { command: string[]; args: string[] }[] } };
  const objects = parseAllDocuments(readFileSync(pathOf("test/helm/golden/trial.yaml"), "utf8")).map((it) => it.toJS() as Pod);
  const container = objects.find(({ kind }) => kind === "Pod")?.spec.containers[0];
  const [program, ...options] = [...(container?.command ?? []), ...(container?.args ?? [])];
  assert.equal(program, "node");
  const { stdout } = await promisify(execFile)(process.execPath, options, { env: { API_URL: url } });
  assert.match(stdout, /readyz 200/);
  await assert.rejects(promisify(execFile)(process.execPath, options, { env: { API_URL: "http://127.0.0.1:1" } }));
}
