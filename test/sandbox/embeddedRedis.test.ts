// The embedded Redis, seen from the process that starts it.
import assert from "node:assert/strict";
import { appendFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startEmbeddedRedis } from "../../src/sandbox/embeddedRedis.ts";
import { askRedis } from "../../src/sandbox/redisSocket.ts";
import { SandboxError } from "../../src/sandbox/sandboxError.ts";
import {
  command,
  isRunning,
  log,
  redisPid,
  searchPath,
  sharedBinaryFolder,
  startRedis,
  temporaryFolder,
  until,
} from "./sandboxForTests.ts";

describe("embedded Redis", () => {
  it("keeps its data over a stop and a start", async (test) => {
    const dataDir = await temporaryFolder(test);
    const first = await startRedis(test, dataDir);
    assert.equal(await command(first.socketPath, "SET promise kept"), "+OK\r\n");
    const pid = await redisPid(first.socketPath);
    await Promise.all([first.stop(), first.stop()]);
    assert.equal(isRunning(pid), false);

    const second = await startRedis(test, dataDir);
    assert.equal(await command(second.socketPath, "GET promise"), "$4\r\nkept\r\n");
  });

  it("answers writes only when they are on disk, evicts nothing, and listens on a private socket alone", async (test) => {
    const dataDir = await temporaryFolder(test);
    const { socketPath } = await startRedis(test, dataDir);
    const settings: [string, string][] = [
      ["appendonly", "yes"],
      ["appendfsync", "always"],
      ["aof-load-truncated", "yes"],
      ["aof-use-rdb-preamble", "yes"],
      ["maxmemory-policy", "noeviction"],
      ["save", ""],
      ["port", "0"],
    ];
    for (const [name, value] of settings) {
      assert.equal(await command(socketPath, `CONFIG GET ${name}`), `*2\r\n$${name.length}\r\n${name}\r\n$${value.length}\r\n${value}\r\n`);
    }
    assert.match(await command(socketPath, "CONFIG GET maxmemory"), /\r\n[1-9]\d{6,}\r\n$/);
    assert.equal((await stat(socketPath)).mode & 0o777, 0o700);
    assert.equal((await stat(join(dataDir, "redis"))).mode & 0o777, 0o700);
  });

  it("starts with an append-only file whose last command was cut off, and keeps all before it", async (test) => {
    const dataDir = await temporaryFolder(test);
    const first = await startRedis(test, dataDir);
    await command(first.socketPath, "SET promise kept");
    await first.stop();
    const folder = join(dataDir, "redis", "appendonlydir");
    const incremental = (await readdir(folder)).find((name) => name.endsWith(".incr.aof")) ?? "";
    await appendFile(join(folder, incremental), "*3\r\n$3\r\nSET\r\n$5\r\nhal");

    const second = await startRedis(test, dataDir);
    assert.equal(await command(second.socketPath, "GET promise"), "$4\r\nkept\r\n");
  });

  it("says in one line what Redis complained of when it refuses its files, and gives the folder free", async (test) => {
    const dataDir = await temporaryFolder(test);
    const first = await startRedis(test, dataDir);
    await first.stop();
    const folder = join(dataDir, "redis", "appendonlydir");
    await writeFile(join(folder, "appendonly.aof.manifest"), "this is no manifest\n");

    for (const attempt of [1, 2]) {
      await assert.rejects(startRedis(test, dataDir), (error: Error) => {
        assert.ok(error instanceof SandboxError, `attempt ${attempt}: ${error.stack}`);
        assert.match(error.message, /^Redis did not start: .*[Mm]anifest.*redis\.log\)$/);
        assert.ok(!error.message.includes("\n"));
        return true;
      });
    }
  });

  it("refuses a second start on the same folder with the process and the folder, and leaves the first alone", async (test) => {
    const dataDir = await temporaryFolder(test);
    const first = await startRedis(test, dataDir);
    await assert.rejects(startRedis(test, dataDir), (error: Error) => {
      assert.ok(error instanceof SandboxError);
      assert.ok(
        error.message.startsWith(`Another Postern (process ${process.pid}) already uses the data folder ${dataDir}.`),
        error.message,
      );
      assert.match(error.message, /POSTERN_DATA_DIR/);
      return true;
    });
    assert.equal(await command(first.socketPath, "PING"), "+PONG\r\n");
  });

  it("is not kept off its folder by a lock whose process id now belongs to another program, or that is empty", async (test) => {
    const dataDir = await temporaryFolder(test);
    await (await startRedis(test, dataDir)).stop();
    const recycled = JSON.stringify({ pid: process.pid, birth: "long ago", token: "01234567-89ab-4cde-8f01-23456789abcd" });
    for (const left of [recycled, ""]) {
      await writeFile(join(dataDir, "redis", "postern.lock"), left);
      const redis = await startRedis(test, dataDir);
      assert.equal(await command(redis.socketPath, "PING"), "+PONG\r\n");
      await redis.stop();
    }
  });

  it("works in a folder whose path is too long for a socket or has awkward characters", async (test) => {
    const parent = await temporaryFolder(test);
    for (const name of ["a".repeat(120), `a b:c;d$HOME"'é`]) {
      const redis = await startRedis(test, join(parent, name));
      assert.ok(Buffer.byteLength(redis.socketPath) <= 103, redis.socketPath);
      assert.equal(await command(redis.socketPath, "SET promise kept"), "+OK\r\n");
      await redis.stop();
      const again = await startRedis(test, join(parent, name));
      assert.equal(await command(again.socketPath, "GET promise"), "$4\r\nkept\r\n");
      await again.stop();
    }
  });

  it("tells when Redis ends without being asked to, and not when it is stopped", async (test) => {
    const dataDir = await temporaryFolder(test);
    const killed = await startRedis(test, dataDir);
    const reason = new Promise<string>((resolve) => killed.onExit(resolve));
    process.kill(await redisPid(killed.socketPath), "SIGKILL");
    assert.equal(await reason, "it was killed by signal 9");
    await killed.stop();

    const stopped = await startRedis(test, dataDir);
    let told = false;
    stopped.onExit(() => {
      told = true;
    });
    await stopped.stop();
    await until(async () => (await askRedis(stopped.socketPath, "PING", 1_000)) === "nobody");
    assert.equal(told, false);
  });

  it("says which folder cannot be used and why, in one line", async (test) => {
    const file = join(await temporaryFolder(test), "file");
    await writeFile(file, "");
    const dataDir = join(file, "data");
    await assert.rejects(
      startEmbeddedRedis({ dataDir, binaryFolder: sharedBinaryFolder, path: searchPath, log, say: () => {} }),
      (error: Error) => {
        assert.ok(error instanceof SandboxError);
        assert.ok(error.message.startsWith(`The data folder ${dataDir} cannot be used (ENOTDIR`), error.message);
        return true;
      },
    );
  });
});
