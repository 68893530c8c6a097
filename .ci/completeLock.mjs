// Completes package-lock.json with the optional packages of other platforms that npm left out because the registry in use did
// not have them: `npm ci` refuses a lock file without them. Run it after each change of a dependency.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const file = join(dirname(fileURLToPath(import.meta.url)), "..", "package-lock.json");

/** Whether `packages` holds `name` where a package at `path` would find it: in its own node_modules or in one further up. */
function isFound(packages, path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    if (packages[`${folder}${folder && "/"}node_modules/${name}`]) return true;
    if (folder === "") return false;
  }
}

/** The entry of a package for another platform, from its name and from the package that wants it. Without a hash: nobody here has seen it. */
function entryOf(name, version, parent) {
  const words = name.split(/[/-]/);
  const os = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"].find((word) =>
    words.includes(word),
  );
  const cpu = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"].find((word) => words.includes(word));
  const libc = words.some((word) => word.startsWith("musl")) ? "musl" : words.some((word) => word.startsWith("gnu")) ? "glibc" : undefined;
  if (!os || !cpu) throw new Error(`${name} is not a package for one platform: install it, or take it out by hand`);
  return {
    version,
    cpu: [cpu],
    ...(parent.dev && { dev: true }),
    ...(libc && { libc: [libc] }),
    ...(parent.license && { license: parent.license }),
    optional: true,
    os: [os],
    ...(parent.engines && { engines: parent.engines }),
  };
}

const lock = JSON.parse(readFileSync(file, "utf8"));
const added = [];
for (const [path, parent] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (isFound(lock.packages, path, name)) continue;
    if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${path} wants ${name} as ${version}: only a single version can be completed`);
    added.push([`node_modules/${name}`, entryOf(name, version, parent)]);
  }
}
if (added.length > 0) {
  const entries = [...Object.entries(lock.packages), ...added].sort(([left], [right]) => left.localeCompare(right, "en"));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(entries) }, null, 2)}\n`);
  console.log(`package-lock.json: added ${added.length} optional packages of other platforms`);
}
