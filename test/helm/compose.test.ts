// compose.yaml, as docker-compose and the programs that it starts read it. Nothing is started: that needs an engine.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse } from "yaml";
import { configOf } from "../config/reading.ts";

const run = promisify(execFile);
const repository = fileURLToPath(new URL("../../", import.meta.url));
const apiKey = "k".repeat(32);

type Service = { environment: Record<string, string>; ports?: string[]; volumes?: string[]; profiles?: string[]; image: string };

/** The services as docker-compose understands them. Rejects with what it says if it does not. */
async function services(env: Record<string, string>): Promise<Record<string, Service>> {
  const options = { cwd: repository, env: { PATH: process.env.PATH, ...env } };
  const { stdout } = await run("docker-compose", ["--profile", "monitoring", "config"], options);
  return (parse(stdout) as { services: Record<string, Service> }).services;
}

test("the gateway takes the configuration that it is given there, with Mailpit as its relay or another", async () => {
  for (const [given, relay] of [
    [{}, "mailpit"],
    [{ SMTP_URL: "smtp://user:password@smtp.example.com:587" }, "smtp.example.com"],
  ] as const) {
    const { gateway } = await services({ POSTERN_API_KEY: apiKey, ...given });
    assert.ok(gateway);
    const config = configOf({ env: { NODE_ENV: "production", HOST: "0.0.0.0", ...gateway.environment } });
    assert.equal(config.sandbox, false);
    assert.equal(config.apiKey, apiKey);
    assert.deepEqual(config.redis, {
      kind: "url",
      target: { kind: "single", host: "valkey", port: 6379, database: 0, tls: false, verifyCertificate: true },
    });
    assert.deepEqual(
      config.relays.map(({ host }) => host),
      [relay],
    );
  }
});

test("without a key it says what is missing", async () => {
  await assert.rejects(services({}), /POSTERN_API_KEY.*openssl rand -hex 32/s);
});

test("only this machine reaches it, monitoring starts only when asked for, and every image has a version", async () => {
  const all = await services({ POSTERN_API_KEY: apiKey });
  for (const [name, { ports = [], image, profiles }] of Object.entries(all)) {
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, name);
    assert.match(image, /:v?\d/, name);
    assert.deepEqual(profiles, name === "prometheus" || name === "grafana" ? ["monitoring"] : undefined, name);
  }
  const { version } = JSON.parse(readFileSync(`${repository}package.json`, "utf8")) as { version: string };
  assert.equal(all.gateway?.image, `postern:${version}`);
});

test("what it mounts is there, and Prometheus takes what is mounted for it", async () => {
  const all = await services({ POSTERN_API_KEY: apiKey });
  const sources = Object.values(all).flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(":", 1)[0] ?? ""));
  const mounted = sources.filter((source) => source.startsWith("/"));
  assert.ok(mounted.length >= 5);
  for (const source of mounted) assert.ok(existsSync(source), source);
  await run("promtool", ["check", "config", "--syntax-only", `${repository}compose/prometheus.yaml`]);
});
