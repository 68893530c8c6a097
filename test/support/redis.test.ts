import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { Redis } from "ioredis";
import { untilGone } from "./process.ts";
import { sharedRedis, startRedis } from "./redis.ts";
import { waitFor } from "./waitFor.ts";

test("a write that was answered survives SIGKILL and a restart on the same port", async (t) => {
  const redis = await startRedis();
  t.after(redis.stop);
  assert.equal(await redis.command("SET", "a", "1"), "+OK");
  const pid = redis.pid;
  await redis.kill("SIGKILL");
  await assert.rejects(redis.command("PING"), /ECONNREFUSED/);
  await redis.restart();
  assert.notEqual(redis.pid, pid);
  const client = new Redis(redis.url);
  t.after(() => client.disconnect());
  assert.equal(await client.get("a"), "1");
  assert.deepEqual(await client.config("GET", "appendfsync"), ["appendfsync", "always"]);
  assert.deepEqual(await client.config("GET", "maxmemory-policy"), ["maxmemory-policy", "noeviction"]);
});

test("stop ends the process and removes its folder, and may be called twice and on a stopped process", async () => {
  const redis = await startRedis({ maxmemory: "64mb", appendfsync: "everysec" });
  assert.ok(existsSync(redis.dir));
  await redis.kill("SIGSTOP");
  await redis.stop();
  await redis.stop();
  await untilGone(redis.pid);
  assert.equal(existsSync(redis.dir), false);
});

test("a wrong option is told with the server's own words", async () => {
  await assert.rejects(startRedis({ args: ["--no-such-option", "1"] }), /Redis did not start:.*no-such-option/s);
});

test("fresh urls of the shared Redis do not see each other's keys", async (t) => {
  const redis = await sharedRedis();
  assert.equal(await sharedRedis(), redis);
  const [one, two] = [new Redis(redis.freshUrl()), new Redis(redis.freshUrl())];
  t.after(() => [one, two].map((client) => client.disconnect()));
  await one.set("a", "1");
  assert.equal(await two.get("a"), null);
});

test("a Redis ends and its folder goes when the test process dies without a word", async () => {
  const script = `
    import { startRedis } from ${JSON.stringify(new URL("./redis.ts", import.meta.url).href)};
    const redis = await startRedis();
    console.log(JSON.stringify({ pid: redis.pid, dir: redis.dir }));
    process.kill(process.pid, "SIGKILL");
  `;
  const { stdout, signal } = await new Promise<{ stdout: string; signal: unknown }>((resolve) => {
    execFile(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], (fault, output) =>
      resolve({ stdout: output, signal: fault?.signal }),
    );
  });
  assert.equal(signal, "SIGKILL");
  const { pid, dir } = JSON.parse(stdout) as { pid: number; dir: string };
  await untilGone(pid);
  await waitFor(() => !existsSync(dir), { what: `${dir} to be removed` });
});
