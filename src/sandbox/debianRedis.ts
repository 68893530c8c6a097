// Downloads Debian's (or Ubuntu's) own Redis packages and unpacks them into a folder: no root, no change to the system, packages
// checked by apt's signatures as ever. apt works on lists and a cache of its own, dpkg only unpacks.
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../telemetry/logger.ts";
import { runProgram } from "./runProgram.ts";

/** Downloads that take longer than this (both the lists and the packages) are given up. */
const downloadTimeoutMs = 120_000;

/**
 * What the system's own apt configuration hooks to an update would touch the system's caches, and what desktops add to it is
 * 60 MB more to download. Only a configuration file can clear a list; it is read after the system's.
 */
const aptConfiguration = `
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11-icons-hidpi::DefaultEnabled "false";
Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
`;

/**
 * Unpacks redis-server and what it needs beside what is installed.
 * @param workFolder an empty folder for lists, cache and packages (about 90 MB while it works); the caller removes it
 * @param root where the packages are unpacked to; made here
 * @param runs whether the server in `root` runs by now; while it does not, libraries that it depends on are added
 * @returns undefined, or why it failed, as words for a person
 */
export async function unpackDebianRedis(options: {
  workFolder: string;
  root: string;
  runs: () => Promise<boolean>;
  log: Log;
}): Promise<{ failed: string } | undefined> {
  const { workFolder, root, runs, log } = options;
  const packagesFolder = join(workFolder, "packages");
  const configuration = join(workFolder, "apt.conf");
  for (const folder of ["lists/partial", "cache/archives/partial"]) await mkdir(join(workFolder, folder), { recursive: true });
  await mkdir(packagesFolder);
  await mkdir(root);
  await writeFile(configuration, aptConfiguration);

  // As -o options, not in the file: there a folder's name could not hold a quotation mark.
  const aptOptions = Object.entries({
    "Dir::State::Lists": join(workFolder, "lists"),
    "Dir::Cache": join(workFolder, "cache"),
    // Images for containers turn this file off, which makes every call build it anew.
    "Dir::Cache::pkgcache": "pkgcache.bin",
    // The lists are our own, so there is nobody to lock out; the system's lock files are not ours to open.
    "Debug::NoLocking": "1",
    // As root, apt would download as the user _apt, who may not enter a private folder.
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    "Acquire::http::Timeout": "20",
    "Acquire::https::Timeout": "20",
  }).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const apt = async (program: "apt-get" | "apt-cache", ...args: string[]) =>
    await runProgram(program, ["-q", "-c", configuration, ...aptOptions, ...args], { cwd: packagesFolder, timeoutMs: downloadTimeoutMs });

  // Its exit code is no use: a source that Redis does not come from may fail, and a network that is down counts as a mere warning.
  const update = await apt("apt-get", "update");
  const fetched = new Set<string>();
  let wanted = ["redis-server", "redis-tools"];
  for (let depth = 0; depth < 4 && wanted.length > 0; depth++) {
    const download = await apt("apt-get", "download", ...wanted);
    if (!download.ok) return { failed: [firstComplaint(download.stderr), firstComplaint(update.stderr)].filter(Boolean).join("; ") };
    for (const name of wanted) fetched.add(name);
    for (const file of (await readdir(packagesFolder)).filter((name) => name.endsWith(".deb"))) {
      const unpacked = await runProgram("dpkg", ["-x", join(packagesFolder, file), root], { timeoutMs: 60_000 });
      if (!unpacked.ok) return { failed: `dpkg could not unpack ${file}: ${lastLine(unpacked.stderr)}` };
    }
    if (await runs()) {
      log.info({ packages: [...fetched] }, "Redis unpacked from Debian packages");
      return undefined;
    }
    const depends = await apt("apt-cache", "depends", "--important", ...fetched);
    wanted = await notInstalled(librariesIn(depends.stdout).filter((name) => !fetched.has(name)));
  }
  return {
    failed: `the packages ${[...fetched].join(", ")} do not make a server that runs in ${workFolder}; is that file system mounted noexec?`,
  };
}

/**
 * The libraries among what `apt-cache depends` prints. The C library is left out: mixed with the system's own loader it crashes.
 * @example "  Depends: libjemalloc2" and " |Depends: libsystemd0" give ["libjemalloc2", "libsystemd0"]
 */
function librariesIn(dependsOutput: string): string[] {
  const names = [...dependsOutput.matchAll(/^[ |]*(?:Pre)?Depends: (lib[a-z0-9.+-]+)/gm)].map((match) => match[1] ?? "");
  return [...new Set(names)].filter((name) => name !== "libc6");
}

async function notInstalled(names: string[]): Promise<string[]> {
  const query = await runProgram("dpkg-query", ["-W", "-f", "${db:Status-Abbrev}${Package}\\n", ...names], { timeoutMs: 30_000 });
  const installed = new Set(query.stdout.split("\n").flatMap((line) => (line.startsWith("ii ") ? [line.slice(3)] : [])));
  return names.filter((name) => !installed.has(name));
}

/** The first error or warning that apt printed (`E: …`, `W: …`), without its mark; else its last line; empty if it printed nothing. */
function firstComplaint(stderr: string): string {
  return /^[EW]: *(.+)$/m.exec(stderr)?.[1] ?? lastLine(stderr);
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
