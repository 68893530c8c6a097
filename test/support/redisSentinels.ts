// A primary, two replicas and three sentinels that watch them, on loopback.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis as Client } from "ioredis";
import type { AtEnd } from "./atEnd.ts";
import { freePort } from "./freePort.ts";
import { startProcess } from "./process.ts";
import { startRedis, type TestRedis } from "./redis.ts";
import { findRedisServer } from "./redisProgram.ts";
import { temporaryFolder } from "./temporaryFolder.ts";
import { waitFor } from "./waitFor.ts";

export type WatchedRedis = {
  /** Names the sentinels. */
  readonly url: string;
  readonly primary: TestRedis;
  /** Whether all sentinels name another primary. */
  hasFailedOver(): Promise<boolean>;
};

/** After so long without an answer a sentinel holds the primary to be down. */
const downAfterMs = 1_000;

/** Starts all six, and waits until the replicas are in step and every sentinel knows the others. */
export async function startWatchedRedis(atEnd: AtEnd): Promise<WatchedRedis> {
  const primary = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
  atEnd(primary.stop);
  for (const _ of [1, 2]) {
    const replica = await startRedis({ args: ["--replicaof", `127.0.0.1 ${primary.port}`, "--repl-diskless-sync-delay", "0"] });
    atEnd(replica.stop);
  }
  const client = new Client(primary.url);
  client.on("error", () => undefined);
  atEnd(async () => client.disconnect());
  // What is waited for must have been written on the connection that waits.
  const inStep = async () => (await client.set("in-step", "1")) === "OK" && (await client.wait(2, 100)) === 2;
  await waitFor(inStep, { what: "the replicas to be in step", timeoutMs: 30_000 });

  const command = await findRedisServer();
  const sentinels: Client[] = [];
  const ports = [await freePort(), await freePort(), await freePort()];
  for (const port of ports) {
    const folder = await temporaryFolder({ name: "sentinel" });
    atEnd(() => folder.remove());
    const file = join(folder.path, "sentinel.conf");
    const settings = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${folder.path}`,
      `sentinel monitor mymaster 127.0.0.1 ${primary.port} 2`,
      `sentinel down-after-milliseconds mymaster ${downAfterMs}`,
      "sentinel failover-timeout mymaster 5000",
    ];
    await writeFile(file, `${settings.join("\n")}\n`);
    const sentinel = await startProcess({
      command,
      args: [file, "--sentinel"],
      env: { PATH: "/usr/bin:/bin" },
      removeOnDeath: folder.path,
    });
    atEnd(() => sentinel.stop());
    const asking = new Client({ port });
    asking.on("error", () => undefined);
    atEnd(async () => asking.disconnect());
    sentinels.push(asking);
  }
  const counts = async () => {
    const seen = await Promise.all(
      sentinels.map(async (sentinel) => {
        const [others, replicas] = await Promise.all(["SENTINELS", "REPLICAS"].map((what) => sentinel.call("SENTINEL", what, "mymaster")));
        return (others as unknown[]).length === 2 && (replicas as unknown[]).length === 2;
      }),
    );
    return seen.every(Boolean);
  };
  await waitFor(() => counts().catch(() => false), { what: "the sentinels to know all", timeoutMs: 30_000 });
  return {
    url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(",")}/mymaster/0`,
    primary,
    async hasFailedOver() {
      const named = await Promise.all(sentinels.map((sentinel) => sentinel.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster")));
      return named.every((address) => (address as string[])[1] !== String(primary.port));
    },
  };
}
