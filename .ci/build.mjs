// Builds dist/ from src/: the server and the dashboard are bundled, the client is compiled file by file, and every other file that a room
// reads while it runs (Lua scripts) is copied to the same place. Types are checked of the client alone: of all others it takes longer than
// the whole build, and `npm run check:types` does it before anything is taken. Nothing is done while dist/ still belongs to the sources, so
// that `npm start` may call this every time. The new dist/ takes the old one's place only when it is whole.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "src");
const target = join(root, "dist");
const draft = join(root, `dist-${process.pid}`);
const stamp = ".sources";
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
const dashboard = join(source, "dashboard");
const client = join(source, "client");
/** Besides the sources, what decides what dist/ looks like: settings, the build itself, and every package by its version. */
const makers = [
  ...["package.json", "tsconfig.json", "tsconfig.client.json", "node_modules/.package-lock.json"],
  ...["build.mjs", "bundleDashboard.mjs", "bundleServer.mjs", "notices.mjs"].map((name) => join(".ci", name)),
].map((name) => join(root, name));

/** Every file of src/ that takes part, sorted: what is written for people (`*.md`) does not. */
function sourceFiles() {
  return readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith(".") && !entry.name.endsWith(".md"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function fingerprint(files) {
  const hash = createHash("sha256");
  for (const file of [...makers, ...files]) {
    const content = readFileSync(file);
    hash.update(`${relative(root, file)}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

function isCurrent(wanted) {
  const file = join(target, stamp);
  return existsSync(file) && readFileSync(file, "utf8") === wanted;
}

/** Others import the client: it keeps its files and gets declarations, and is compiled without Node's types, for it runs elsewhere as well. */
async function compileClient() {
  if (!existsSync(client)) return;
  const command = [compiler, "--project", join(root, "tsconfig.client.json"), "--outDir", draft];
  const compiling = spawn(process.execPath, command, { stdio: "inherit" });
  const [code] = await once(compiling, "exit");
  if (code !== 0) throw new Error("The client does not compile.");
  renameImports();
}

/** Declarations name the files beside them as compilers of any age look for them. */
function renameImports() {
  const folder = join(draft, "client");
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".d.ts"))) {
    const text = readFileSync(join(folder, name), "utf8");
    writeFileSync(join(folder, name), text.replace(/((?:from |import\()"\.\/\w+)\.ts"/g, '$1.js"'));
  }
}

function copyAssets(files) {
  for (const file of files.filter((name) => !name.endsWith(".ts") && !name.startsWith(join(dashboard, "/")))) {
    const copy = join(draft, relative(source, file));
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
  }
}

/** Bundles, and writes down what of others went in. */
async function bundle(files) {
  // Loaded here: mostly there is nothing to do.
  const [{ bundleDashboard }, { bundleServer }, { billOfMaterials, bundledPackages, noticesText }] = await Promise.all([
    import("./bundleDashboard.mjs"),
    import("./bundleServer.mjs"),
    import("./notices.mjs"),
  ]);
  const metafiles = [
    await bundleDashboard({ root, source: dashboard, target: join(draft, "dashboard") }),
    await bundleServer({ root, source, target: draft, files }),
  ];
  chmodSync(join(draft, "main.js"), 0o755);
  const packages = bundledPackages(metafiles, root);
  writeFileSync(join(draft, "THIRD_PARTY_NOTICES.txt"), noticesText(packages));
  writeFileSync(join(draft, "packages.cdx.json"), billOfMaterials(packages, JSON.parse(readFileSync(join(root, "package.json"), "utf8"))));
}

async function build() {
  const files = sourceFiles();
  const wanted = fingerprint(files);
  if (isCurrent(wanted)) return;
  copyAssets(files);
  // Both are waited for, so that none writes to a draft that is gone.
  const done = await Promise.allSettled([compileClient(), bundle(files)]);
  for (const { status, reason } of done) if (status === "rejected") throw reason;
  writeFileSync(join(draft, stamp), wanted);
  rmSync(target, { recursive: true, force: true });
  renameSync(draft, target);
}

try {
  await build();
} catch (fault) {
  // What esbuild found is told already.
  if (!fault.errors) console.error(fault.message);
  process.exitCode = 1;
} finally {
  rmSync(draft, { recursive: true, force: true });
}
