// Finds a Redis server program for tests. Where the system has none, the sandbox's own way of getting one fills a cache that
// all test processes share, so that it is downloaded once and nothing is installed.
import { chmod, mkdir, rename, stat, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { pino } from "pino";
import { findOrUnpackRedis } from "../../src/sandbox/redisBinary.ts";
import { oneAtATime } from "./oneAtATime.ts";

/**
 * The path of a program that can be run as `redis-server`. Safe to call from many processes at once.
 * @throws Error when there is none and none can be had; it names the command that installs one
 */
export async function findRedisServer(): Promise<string> {
  const { uid } = userInfo();
  const cache = join(tmpdir(), `postern-test-redis-${uid}`);
  await mkdir(cache, { recursive: true, mode: 0o700 });
  if ((await stat(cache)).uid !== uid) throw new Error(`${cache} belongs to another user: remove it`);
  return oneAtATime(cache, async () => {
    const found = await findOrUnpackRedis({
      binaryFolder: join(cache, "redis"),
      path: process.env.PATH ?? "",
      log: pino({ level: "silent" }),
      say: () => {},
    });
    if (found.cwd === undefined) return found.program;
    // An unpacked one needs its libraries: a script by the usual name lets it be put on a PATH like an installed one.
    const wrapper = join(cache, "bin", "redis-server");
    const libraries = (found.libraryPath ?? "").split(":").map((folder) => join(found.cwd as string, folder));
    const script = `#!/bin/sh\nLD_LIBRARY_PATH='${libraries.join(":")}' exec '${found.program}' "$@"\n`;
    await mkdir(dirname(wrapper), { recursive: true });
    await writeFile(`${wrapper}.new`, script);
    await chmod(`${wrapper}.new`, 0o755);
    await rename(`${wrapper}.new`, wrapper);
    return wrapper;
  });
}
