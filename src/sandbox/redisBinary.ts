// Where the sandbox gets a Redis server from: the system's own, one unpacked earlier, or Debian's package unpacked into the data folder.
import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Log } from "../telemetry/logger.ts";
import { unpackDebianRedis } from "./debianRedis.ts";
import { findOnPath, runProgram } from "./runProgram.ts";
import { SandboxError } from "./sandboxError.ts";

/**
 * A server program that has been seen to run. `cwd` and `libraryPath` are set for an unpacked one: its libraries are found by a
 * relative LD_LIBRARY_PATH, because an absolute one cannot hold a folder whose name has a colon, a semicolon or a dollar sign.
 */
export type RedisBinary = { program: string; version: string; cwd?: string; libraryPath?: string };

const unpackingSuffix = ".unpacking-";

/** Longer than any download may take (debianRedis.ts bounds them), so that what is older has nobody at work in it. */
const cutOffAfterMs = 20 * 60_000;

const serverNames = ["redis-server", "valkey-server"] as const;

/** How a person installs Redis, by the package tool that the system has. First match wins. */
const installCommands: readonly { tool: string; command: string }[] = [
  { tool: "brew", command: "brew install redis" },
  { tool: "apt-get", command: "sudo apt-get install redis-server" },
  { tool: "dnf", command: "sudo dnf install redis" },
  { tool: "apk", command: "sudo apk add redis" },
  { tool: "pacman", command: "sudo pacman -S valkey" },
  { tool: "zypper", command: "sudo zypper install redis" },
];

/**
 * Finds a Redis (or Valkey) server, or gets one without touching the system.
 * @param binaryFolder where an unpacked one lies or will lie; its parent must exist
 * @param path the value of PATH
 * @param say tells the person at the terminal what is being done
 * @throws SandboxError when there is none and none can be had; it names the command that installs one here
 */
export async function findOrUnpackRedis(options: {
  binaryFolder: string;
  path: string;
  log: Log;
  say: (line: string) => void;
}): Promise<RedisBinary> {
  const { binaryFolder, path, log, say } = options;
  for (const name of serverNames) {
    for (const program of await findOnPath(name, path)) {
      const version = await versionOf({ program });
      if (version !== undefined) return { program, version };
      log.warn({ program }, "a Redis server on the PATH does not run; looking further");
    }
  }
  const unpackedEarlier = await unpackedRedis(binaryFolder);
  if (unpackedEarlier) return unpackedEarlier;

  if ((await findOnPath("apt-get", path)).length === 0 || (await findOnPath("dpkg", path)).length === 0) {
    throw new SandboxError(`There is no Redis on this machine (no redis-server or valkey-server on the PATH). ${await wayOut(path)}`);
  }
  say(
    `No Redis on this machine: unpacking one from the system's package source into ${binaryFolder} (about 10 MB to download; nothing is installed).`,
  );
  await removeCutOffDownloads(binaryFolder);
  const workFolder = await mkdtemp(`${binaryFolder}${unpackingSuffix}`);
  try {
    const root = join(workFolder, "root");
    const unpacked = await unpackDebianRedis({ workFolder, root, runs: async () => (await unpackedRedis(root)) !== undefined, log });
    if (unpacked) {
      throw new SandboxError(`There is no Redis on this machine, and none could be downloaded (${unpacked.failed}). ${await wayOut(path)}`);
    }
    const binary = await putInPlace(root, binaryFolder);
    say(`Unpacked Redis ${binary.version}.`);
    return binary;
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

/** The server in a folder of unpacked packages, if it runs on this machine (after a system upgrade it may not). */
async function unpackedRedis(folder: string): Promise<RedisBinary | undefined> {
  const libraryPath = (await libraryFolders(folder)).join(":");
  const binary = { program: join(folder, "usr/bin/redis-server"), cwd: folder, libraryPath };
  const version = await versionOf(binary);
  return version === undefined ? undefined : { ...binary, version };
}

/** Folders with shared libraries, relative to the folder of unpacked packages: `usr/lib/x86_64-linux-gnu` and the like. */
async function libraryFolders(folder: string): Promise<string[]> {
  const folders: string[] = [];
  for (const parent of ["usr/lib", "lib"]) {
    for (const entry of await readdir(join(folder, parent), { withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory() && entry.name.includes("-linux-")) folders.push(`${parent}/${entry.name}`);
    }
  }
  return folders;
}

/** "7.0.15" from `Redis server v=7.0.15 sha=… ` or `Server v=8.0.1 …`; undefined if the program does not run. */
async function versionOf(binary: { program: string; cwd?: string; libraryPath?: string }): Promise<string | undefined> {
  const result = await runProgram(binary.program, ["--version"], {
    ...(binary.cwd === undefined ? {} : { cwd: binary.cwd }),
    variables: binary.libraryPath ? { LD_LIBRARY_PATH: binary.libraryPath } : {},
    timeoutMs: 10_000,
  });
  return result.ok ? /\bv=(\S+)/.exec(result.stdout)?.[1] : undefined;
}

/** The rename makes an unpacked Redis count all at once: one that was cut off half-way never lies at the final place. */
async function putInPlace(root: string, binaryFolder: string): Promise<RedisBinary> {
  // What lies there does not run (it was tried before the download), unless another process was quicker.
  if (!(await unpackedRedis(binaryFolder))) await rm(binaryFolder, { recursive: true, force: true });
  const renamed = await rename(root, binaryFolder).then(
    () => undefined,
    (error: unknown) => error,
  );
  const binary = await unpackedRedis(binaryFolder);
  if (!binary) throw new Error(`The Redis unpacked into ${binaryFolder} does not run there.`, { cause: renamed });
  return binary;
}

/** A download that was killed leaves its folder behind; one of a process that may still be at it is left alone. */
async function removeCutOffDownloads(binaryFolder: string): Promise<void> {
  const prefix = `${basename(binaryFolder)}${unpackingSuffix}`;
  for (const name of await readdir(dirname(binaryFolder))) {
    if (!name.startsWith(prefix)) continue;
    const folder = join(dirname(binaryFolder), name);
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > cutOffAfterMs) await rm(folder, { recursive: true, force: true });
  }
}

async function wayOut(path: string): Promise<string> {
  for (const { tool, command } of installCommands) {
    if ((await findOnPath(tool, path)).length > 0) {
      return `Install it with \`${command}\`, or set REDIS_URL to a Redis that already runs.`;
    }
  }
  return "Install Redis (https://redis.io/docs/latest/operate/oss_and_stack/install/), or set REDIS_URL to one that already runs.";
}
