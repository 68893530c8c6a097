// The embedded Redis and the process that started it: how one ends with the other, and never too early.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { SandboxError } from "../../src/sandbox/sandboxError.ts";
import { command, isRunning, redisPid, startGatewayProcess, startRedis, temporaryFolder, until } from "./sandboxForTests.ts";

describe("embedded Redis and its gateway process", () => {
  it("ends after a kill -9 of the gateway, and a start right then finds every acknowledged write", async (test) => {
    const dataDir = await temporaryFolder(test);
    const { child, socketPath } = await startGatewayProcess(test, dataDir);
    const orphan = await redisPid(socketPath);
    let acknowledged = 0;
    const writing = (async () => {
      while ((await command(socketPath, `SET key:${acknowledged + 1} ${acknowledged + 1}`).catch(() => "")) === "+OK\r\n")
        acknowledged += 1;
    })();
    await until(() => acknowledged >= 50);
    child.kill("SIGKILL");
    const redis = await startRedis(test, dataDir);
    await writing;
    assert.equal(isRunning(orphan), false);
    for (let number = 1; number <= acknowledged; number++) {
      assert.equal(await command(redis.socketPath, `GET key:${number}`), `$${String(number).length}\r\n${number}\r\n`);
    }
  });

  it("ends after a kill -9 of the gateway when nobody starts anew", async (test) => {
    const { child, socketPath } = await startGatewayProcess(test, await temporaryFolder(test));
    const pid = await redisPid(socketPath);
    child.kill("SIGKILL");
    await until(() => !isRunning(pid));
  });

  it("refuses the folder of another living process by its id, and takes it when that one has ended", async (test) => {
    const dataDir = await temporaryFolder(test);
    const { child, socketPath } = await startGatewayProcess(test, dataDir);
    await assert.rejects(startRedis(test, dataDir), (error: Error) => {
      assert.ok(error instanceof SandboxError);
      assert.ok(error.message.includes(`(process ${child.pid})`), error.message);
      return true;
    });
    assert.equal(await command(socketPath, "PING"), "+PONG\r\n");
    child.kill("SIGKILL");
    await until(() => child.signalCode !== null);
    await startRedis(test, dataDir);
  });

  it("outlives a Ctrl-C at the gateway's terminal, which reaches the whole process group", async (test) => {
    const dataDir = await temporaryFolder(test);
    const { child, socketPath, lines } = await startGatewayProcess(test, dataDir);
    assert.ok(child.pid);
    process.kill(-child.pid, "SIGINT");
    await until(() => lines.includes("interrupted"));
    assert.equal(await command(socketPath, "SET drained yes"), "+OK\r\n");
    // Redis logs a signal before it goes on with anything else.
    assert.doesNotMatch(await readFile(join(dataDir, "redis", "redis.log"), "utf8"), /Received SIG/);
  });
});
