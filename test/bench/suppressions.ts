// Imports and exports suppressions by the million through a whole gateway: rows a second, and what the process and Redis need.
// node --import tsx test/bench/suppressions.ts [ROWS]
import { Redis } from "ioredis";
import { startGateway } from "../support/gateway.ts";
import { startRedis } from "../support/redis.ts";
import { exportRows, importRows, peakMemoryBytes, rowAddress } from "../support/suppressionFile.ts";

const rows = Number(process.argv[2] ?? 1_000_000);
const megabyte = 1024 ** 2;
const say = (line: string) => void process.stdout.write(`${line}\n`);

const redis = await startRedis();
const client = new Redis({ host: "127.0.0.1", port: redis.port });
const usedBefore = Number(/^used_memory:(\d+)/m.exec(await client.info("memory"))?.[1]);
const gateway = await startGateway({ env: { REDIS_URL: redis.freshUrl(), SMTP_URL: "smtp://127.0.0.1:9" } });

async function timed<Value>(what: string, count: number, task: () => Promise<Value>): Promise<Value> {
  const startedAt = performance.now();
  const value = await task();
  const seconds = (performance.now() - startedAt) / 1000;
  const peak = ((await peakMemoryBytes(gateway.pid)) ?? 0) / megabyte;
  say(`${what}: ${seconds.toFixed(1)} s, ${Math.round(count / seconds)} a second; the gateway's memory peaked at ${peak.toFixed(0)} MB`);
  return value;
}

try {
  say(`before: the gateway's memory peaked at ${(((await peakMemoryBytes(gateway.pid)) ?? 0) / megabyte).toFixed(0)} MB`);
  const answer = await timed(`import of ${rows} rows`, rows, () => importRows(gateway, rows));
  await timed("import of the same again", rows, () => importRows(gateway, rows));
  const info = await client.info("memory");
  say(`Redis holds ${Math.round((Number(/^used_memory:(\d+)/m.exec(info)?.[1]) - usedBefore) / rows)} bytes a row`);
  const { lines } = await timed("export", rows, () => exportRows(gateway));
  await timed("first page of the list", 1, () => gateway.get("/v1/suppressions?limit=100"));
  await timed("search by prefix", 1, () => gateway.get(`/v1/suppressions?address=${rowAddress(rows - 1).slice(0, 15)}`));
  await timed("search for a reason that nobody has (one page of it)", 1, () => gateway.get("/v1/suppressions?reason=complaint"));
  say(`added ${answer.added}, exported ${lines - 1}`);
} finally {
  client.disconnect();
  await gateway.stop();
  await redis.stop();
}
