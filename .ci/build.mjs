// Builds dist/ from src/: TypeScript becomes JavaScript, and every other file that a room reads while it runs (Lua scripts,
// pages) is copied to the same place. The dashboard is bundled instead. Nothing is done while dist/ still belongs to the sources, so that
// `npm start` may call this every time. The new dist/ takes the old one's place only when it is whole.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleDashboard } from "./bundleDashboard.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "src");
const target = join(root, "dist");
const draft = join(root, `dist-${process.pid}`);
const stamp = ".sources";
const compiler = join(root, "node_modules", "typescript");
const dashboard = join(source, "dashboard");
/** Besides the sources, what dist/ is made of and by. */
const makers = ["typescript", "esbuild", "preact", "postal-mime"].map((name) => join(root, "node_modules", name, "package.json"));
const bundler = join(dirname(fileURLToPath(import.meta.url)), "bundleDashboard.mjs");

/** Every file of src/ that takes part, sorted: what is written for people (`*.md`) does not. */
function sourceFiles() {
  return readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith(".") && !entry.name.endsWith(".md"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** One hash over everything that decides what dist/ looks like. */
function fingerprint(files) {
  const hash = createHash("sha256");
  const settings = ["tsconfig.json", "tsconfig.build.json", "tsconfig.client.json"].map((name) => join(root, name));
  const inputs = [...files, ...settings, fileURLToPath(import.meta.url), bundler];
  for (const file of [...inputs, ...makers]) {
    const content = readFileSync(file);
    hash.update(`${relative(root, file)}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

function isCurrent(wanted) {
  const file = join(target, stamp);
  return existsSync(file) && readFileSync(file, "utf8") === wanted;
}

/** @returns the exit code of the compiler */
function compile(project) {
  const command = [join(compiler, "bin", "tsc"), "--project", join(root, project), "--outDir", draft];
  return spawnSync(process.execPath, command, { stdio: "inherit" }).status ?? 1;
}

/** Declarations name the files beside them as compilers of any age look for them. */
function renameImports() {
  const folder = join(draft, "client");
  if (!existsSync(folder)) return;
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

async function build() {
  const files = sourceFiles();
  const wanted = fingerprint(files);
  if (isCurrent(wanted)) return 0;
  // Of the client, which others import, there are declarations too; it is compiled without Node's types, for it runs elsewhere as well.
  const failed = compile("tsconfig.build.json") || compile("tsconfig.client.json");
  if (failed) return failed;
  renameImports();
  copyAssets(files);
  await bundleDashboard(dashboard, join(draft, "dashboard"));
  const program = join(draft, "main.js");
  if (existsSync(program)) chmodSync(program, 0o755);
  writeFileSync(join(draft, stamp), wanted);
  rmSync(target, { recursive: true, force: true });
  renameSync(draft, target);
  return 0;
}

try {
  process.exitCode = await build();
} finally {
  rmSync(draft, { recursive: true, force: true });
}
