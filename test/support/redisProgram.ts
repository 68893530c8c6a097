// Finds a Redis server program for tests, or fetches one without installing anything.
import { execFile } from "node:child_process";
import { access, chmod, constants, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { oneAtATime } from "./oneAtATime.ts";

const run = promisify(execFile);

/**
 * The path of a program that behaves like `redis-server`: from PATH, else from a cache in the folder for temporary files,
 * which the first caller fills from Debian's packages (no root needed, nothing is installed). Safe to call from many processes at once.
 * @throws Error when there is none and none can be fetched
 */
export async function findRedisServer(): Promise<string> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    for (const name of ["redis-server", "valkey-server"]) {
      const program = join(folder, name);
      if (folder !== "" && (await isExecutable(program))) return program;
    }
  }
  const { uid } = userInfo();
  const cache = join(tmpdir(), `postern-test-redis-${uid}`);
  const program = join(cache, "redis", "redis-server");
  await mkdir(cache, { recursive: true, mode: 0o700 });
  if ((await stat(cache)).uid !== uid) throw new Error(`${cache} belongs to another user: remove it`);
  if (await isExecutable(program)) return program;
  await oneAtATime(program, async () => {
    if (!(await isExecutable(program))) await fetchFromDebian(cache);
  });
  return program;
}

/** Unpacks the packages into a folder beside its final place and renames it, so that a half-made one is never found. */
async function fetchFromDebian(cache: string): Promise<void> {
  const made = await mkdtemp(join(cache, "fetching-"));
  try {
    const [lists, archives, root] = [join(made, "lists"), join(made, "archives"), join(made, "root")];
    await Promise.all([lists, archives, root].map((folder) => mkdir(join(folder, "partial"), { recursive: true })));
    const own = [`Dir::State::Lists=${lists}`, `Dir::Cache=${archives}`, "Acquire::Languages=none", "APT::Sandbox::User="];
    const aptGet = (...args: string[]) => run("apt-get", ["-q", ...own.flatMap((option) => ["-o", option]), ...args], { cwd: archives });
    await aptGet("update");
    await aptGet("download", "redis-server", "redis-tools", "libjemalloc2", "liblzf1");
    const packages = (await readdir(archives)).filter((name) => name.endsWith(".deb"));
    for (const name of packages) await run("dpkg", ["-x", join(archives, name), root]);

    const libraries = (await readdir(join(root, "usr/lib"))).find((name) => name.includes("-linux-gnu")) ?? "";
    const final = join(cache, "redis");
    const wrapper = `#!/bin/sh\nLD_LIBRARY_PATH=${final}/root/usr/lib/${libraries} exec ${final}/root/usr/bin/redis-server "$@"\n`;
    await writeFile(join(made, "redis-server"), wrapper);
    await chmod(join(made, "redis-server"), 0o755);
    await Promise.all([lists, archives].map((folder) => rm(folder, { recursive: true })));
    await rename(made, final);
  } catch (cause) {
    await rm(made, { recursive: true, force: true });
    throw new Error("no redis-server or valkey-server on PATH, and none could be fetched with apt-get: install one", { cause });
  }
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
