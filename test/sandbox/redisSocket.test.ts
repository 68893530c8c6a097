// Where the embedded Redis's socket may lie.
import assert from "node:assert/strict";
import { chmod, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { placeSocket } from "../../src/sandbox/redisSocket.ts";
import { SandboxError } from "../../src/sandbox/sandboxError.ts";
import { temporaryFolder } from "./sandboxForTests.ts";

describe("the embedded Redis's socket", () => {
  it("lies in the Redis folder where the path fits, else in a private folder that is the same at every start", async (test) => {
    const parent = await temporaryFolder(test);
    assert.equal(await placeSocket(parent), join(parent, "redis.sock"));
    const long = join(parent, "x".repeat(100));
    const socketPath = await placeSocket(long);
    test.after(async () => await rm(dirname(socketPath), { recursive: true, force: true }));
    assert.ok(!socketPath.startsWith(long));
    assert.equal(await placeSocket(long), socketPath);
    assert.notEqual(await placeSocket(`${long}y`), socketPath);
    await rm(dirname(await placeSocket(`${long}y`)), { recursive: true });
  });

  it("is never laid in a folder that others can write to, or that is a link", async (test) => {
    const parent = await temporaryFolder(test);
    const long = join(parent, "x".repeat(100));
    const folder = dirname(await placeSocket(long));
    test.after(async () => await rm(folder, { recursive: true, force: true }));
    const refusal = (error: Error) => error instanceof SandboxError && error.message.includes(folder);
    await chmod(folder, 0o777);
    await assert.rejects(placeSocket(long), refusal);
    await rm(folder, { recursive: true });
    await symlink(parent, folder);
    await assert.rejects(placeSocket(long), refusal);
  });
});
