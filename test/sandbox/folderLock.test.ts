// The lock that keeps two gateways off one data folder.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { takeLock } from "../../src/sandbox/folderLock.ts";
import { temporaryFolder } from "./sandboxForTests.ts";

describe("folder lock", () => {
  it("is had by exactly one of many that find a dead owner's lock at the same time", async (test) => {
    const folder = await temporaryFolder(test);
    for (let round = 0; round < 20; round++) {
      const lockFile = join(folder, `lock-${round}`);
      await writeFile(lockFile, JSON.stringify({ pid: process.pid, birth: "another process", token: randomUUID() }));
      const results = await Promise.all(Array.from({ length: 20 }, async () => await takeLock(lockFile)));
      const winners = results.flatMap((result) => ("lock" in result ? [result.lock] : []));
      assert.equal(winners.length, 1);
      for (const result of results) if ("heldBy" in result) assert.equal(result.heldBy, process.pid);
      await winners[0]?.release();
    }
    assert.deepEqual(await readdir(folder), []);
  });

  it("can be taken again after its release, and a second release does not take it from the next owner", async (test) => {
    const lockFile = join(await temporaryFolder(test), "lock");
    const first = await takeLock(lockFile);
    assert.ok("lock" in first);
    await first.lock.release();
    assert.ok("lock" in (await takeLock(lockFile)));
    await first.lock.release();
    assert.deepEqual(await takeLock(lockFile), { heldBy: process.pid });
  });
});
