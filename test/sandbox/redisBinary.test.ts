// Where the embedded Redis gets its program from.
import assert from "node:assert/strict";
import { chmod, mkdir, readdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { findOrUnpackRedis } from "../../src/sandbox/redisBinary.ts";
import { findOnPath } from "../../src/sandbox/runProgram.ts";
import { SandboxError } from "../../src/sandbox/sandboxError.ts";
import { log, searchPath, temporaryFolder } from "./sandboxForTests.ts";

const aptGet = (await findOnPath("apt-get", searchPath))[0];

async function fakeProgram(folder: string, name: string, script: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
}

describe("the embedded Redis's program", () => {
  it("is the system's own where there is one, under either name, and a broken one is passed over", async (test) => {
    const folder = await temporaryFolder(test);
    await fakeProgram(join(folder, "first"), "redis-server", "exit 127");
    await fakeProgram(join(folder, "second=b"), "valkey-server", "echo 'Server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64'");
    const said: string[] = [];
    const path = `${join(folder, "first")}:relative:${join(folder, "second=b")}`;
    const binary = await findOrUnpackRedis({ binaryFolder: join(folder, "binary"), path, log, say: (line) => said.push(line) });
    assert.deepEqual(binary, { program: join(folder, "second=b", "valkey-server"), version: "8.1.1" });
    assert.deepEqual(said, []);
  });

  it("is named with the command that installs it, and REDIS_URL, where it cannot be had", async (test) => {
    const folder = await temporaryFolder(test);
    const commands: [string, string][] = [
      ["brew", "`brew install redis`"],
      ["dnf", "`sudo dnf install redis`"],
      ["apk", "`sudo apk add redis`"],
      ["unheard-of", "https://redis.io/"],
    ];
    for (const [tool, hint] of commands) {
      await fakeProgram(join(folder, tool), tool, "exit 1");
      await assert.rejects(
        findOrUnpackRedis({ binaryFolder: join(folder, "binary"), path: join(folder, tool), log, say: () => {} }),
        (error: Error) => {
          assert.ok(error instanceof SandboxError);
          assert.ok(error.message.includes(hint) && error.message.includes("REDIS_URL"), error.message);
          assert.ok(!error.message.includes("\n"));
          return true;
        },
      );
    }
  });

  it("is unpacked on Debian and Ubuntu without a Redis, once, and a download that was cut off does not count", {
    skip: !aptGet,
  }, async (test) => {
    const folder = await temporaryFolder(test);
    const tools = join(folder, "tools");
    await mkdir(tools);
    for (const tool of ["apt-get", "dpkg"]) await symlink((await findOnPath(tool, searchPath))[0] ?? "", join(tools, tool));
    const binaryFolder = join(folder, "a b", "redis-binary");
    const cutOff = `${binaryFolder}.unpacking-killed`;
    await mkdir(join(cutOff, "root", "usr", "bin"), { recursive: true });
    await utimes(cutOff, 0, 0);

    const said: string[] = [];
    const obtain = async () => await findOrUnpackRedis({ binaryFolder, path: tools, log, say: (line) => said.push(line) });
    const binary = await obtain();
    assert.match(binary.version, /^\d+\.\d+\.\d+/);
    assert.equal(binary.program, join(binaryFolder, "usr/bin/redis-server"));
    assert.equal(said.length, 2);
    assert.ok(said[0]?.includes(binaryFolder), said[0]);
    assert.deepEqual(await readdir(join(folder, "a b")), ["redis-binary"]);

    assert.deepEqual(await obtain(), binary);
    assert.equal(said.length, 2);
  });
});
