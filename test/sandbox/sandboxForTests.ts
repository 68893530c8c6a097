// What the sandbox's tests share: folders that go away, a Redis that is unpacked once for all runs, and a gateway process to kill.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pino from "pino";
import { type EmbeddedRedis, startEmbeddedRedis } from "../../src/sandbox/embeddedRedis.ts";
import { askRedis } from "../../src/sandbox/redisSocket.ts";
import type { Log } from "../../src/telemetry/logger.ts";

export const log: Log = pino({ level: "silent" });

export const searchPath = process.env.PATH ?? "";

/** Outlives the test run, so that only the first one downloads. */
export const sharedBinaryFolder = join(tmpdir(), `postern-test-redis-${process.getuid?.() ?? 0}`);

/** A folder of the test's own; removed when the test is over. */
export async function temporaryFolder(test: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "postern-test-"));
  test.after(async () => await rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** An embedded Redis on `dataDir`, stopped when the test is over. */
export async function startRedis(test: TestContext, dataDir: string, say: (line: string) => void = () => {}): Promise<EmbeddedRedis> {
  const redis = await startEmbeddedRedis({ dataDir, binaryFolder: sharedBinaryFolder, path: searchPath, log, say });
  test.after(redis.stop);
  return redis;
}

/** The answer to an inline command; throws if nobody answers. */
export async function command(socketPath: string, words: string): Promise<string> {
  const asked = await askRedis(socketPath, words, 5_000);
  if (typeof asked === "string") throw new Error(`${words}: ${asked}`);
  return asked.answer;
}

/** The id of the Redis process behind a socket. */
export async function redisPid(socketPath: string): Promise<number> {
  return Number(/process_id:(\d+)/.exec(await command(socketPath, "INFO server"))?.[1]);
}

/** A process with an embedded Redis of its own, in a process group of its own, as a terminal would start it. */
export async function startGatewayProcess(
  test: TestContext,
  dataDir: string,
): Promise<{ child: ChildProcess; socketPath: string; lines: string[] }> {
  const child = spawn(process.execPath, ["--import", "tsx", fileURLToPath(new URL("gatewayProcess.ts", import.meta.url)), dataDir], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  test.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  await until(() => lines.length > 0 || child.exitCode !== null);
  return { child, socketPath: lines[0] ?? "", lines };
}

/** Waits for a condition; fails after ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Waited in vain for ${condition}`);
    await sleep(10);
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
