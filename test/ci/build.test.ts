// The build, tried out on a small house of its own, so that it is judged by what it makes and not by the state of src/.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { access, cp, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const run = promisify(execFile);

const house = {
  "src/main.ts": '#!/usr/bin/env node\nimport { word } from "./store/word.ts";\nprocess.stdout.write(word());\n',
  "src/store/word.ts": 'export const word = (): string => "built";\n',
  "src/store/scripts/accept.lua": "-- KEYS: none\nreturn 1\n",
  "src/http/page.html": "<!doctype html>\n",
  "src/http/page.css": "body { margin: 0 }\n",
  "src/client/client.ts": "export const where = (url: string): URL => new URL(url);\n",
  "src/README.md": "# For people\n",
};

async function smallHouse(t: TestContext): Promise<{ folder: string; build: () => { code: number | null; output: string } }> {
  const { path: folder, remove } = await temporaryFolder({ name: "build" });
  t.after(remove);
  for (const name of [
    ".ci/build.mjs",
    ".ci/bundleDashboard.mjs",
    "tsconfig.json",
    "tsconfig.build.json",
    "tsconfig.client.json",
    "package.json",
  ]) {
    await cp(join(repository, name), join(folder, name));
  }
  await symlink(join(repository, "node_modules"), join(folder, "node_modules"));
  for (const [file, content] of Object.entries(house)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), content);
  }
  const build = (): { code: number | null; output: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, ".ci/build.mjs")], { cwd: "/", encoding: "utf8" });
    return { code: status, output: stdout + stderr };
  };
  return { folder, build };
}

test("dist/ holds a program that can be run, its source maps, and every script and page at its place, and the declarations of the client alone", async (t) => {
  const { folder, build } = await smallHouse(t);
  assert.deepEqual(build(), { code: 0, output: "" });
  assert.equal((await run(join(folder, "dist/main.js"))).stdout, "built");
  const map = JSON.parse(await readFile(join(folder, "dist/store/word.js.map"), "utf8")) as { sources: string[] };
  assert.deepEqual(map.sources, ["../../src/store/word.ts"]);
  for (const file of ["store/scripts/accept.lua", "http/page.html", "http/page.css"] as const) {
    assert.equal(await readFile(join(folder, "dist", file), "utf8"), house[`src/${file}`]);
  }
  assert.match(await readFile(join(folder, "dist/client/client.d.ts"), "utf8"), /where: \(url: string\) => URL/);
  await assert.rejects(access(join(folder, "dist/store/word.d.ts")));
  await assert.rejects(access(join(folder, "dist/README.md")));
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith("dist")),
    ["dist"],
  );
});

test("nothing is built while dist/ belongs to the sources, and everything as soon as one byte of them differs", async (t) => {
  const { folder, build } = await smallHouse(t);
  build();
  const first = await stat(join(folder, "dist"));
  assert.equal(build().code, 0);
  assert.equal((await stat(join(folder, "dist"))).ino, first.ino);

  const script = join(folder, "src/store/scripts/accept.lua");
  const { atime, mtime } = await stat(script);
  await writeFile(script, "-- KEYS: none\nreturn 2\n");
  // Even a file whose date says that it is old.
  await utimes(script, atime, mtime);
  assert.equal(build().code, 0);
  assert.equal(await readFile(join(folder, "dist/store/scripts/accept.lua"), "utf8"), "-- KEYS: none\nreturn 2\n");
});

test("a file that is gone from src/ is gone from dist/ too", async (t) => {
  const { folder, build } = await smallHouse(t);
  build();
  await rm(join(folder, "src/http/page.css"));
  assert.equal(build().code, 0);
  await assert.rejects(access(join(folder, "dist/dashboard/page.css")));
});

test("sources that do not compile fail the build and leave the dist/ that worked", async (t) => {
  const { folder, build } = await smallHouse(t);
  build();
  await writeFile(join(folder, "src/store/word.ts"), 'export const word = (): number => "built";\n');
  const { code, output } = build();
  assert.notEqual(code, 0);
  assert.match(output, /src\/store\/word\.ts\(1,\d+\): error TS2322/);
  assert.equal((await run(join(folder, "dist/main.js"))).stdout, "built");
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith("dist")),
    ["dist"],
  );
  assert.notEqual(build().code, 0);
});

test("the dashboard is bundled into files named by their content, and its page names them; its sources are not shipped", async (t) => {
  const { folder, build } = await smallHouse(t);
  const sources = {
    "main.tsx": 'import "./look.css";\nimport { render } from "preact";\nrender(<p>Hello</p>, document.body);\n',
    "look.css": "p { color: red }\n",
    "page.html":
      '<link href="assets/{{style}}"><script src="assets/{{script}}"></script><a href="assets/{{preview.html}} assets/{{icon.svg}}">%version%</a>',
    "preview.html": "<p>preview</p>",
    "icon.svg": "<svg/>",
  };
  await mkdir(join(folder, "src/dashboard"));
  for (const [name, content] of Object.entries(sources)) await writeFile(join(folder, "src/dashboard", name), content);
  assert.deepEqual(build(), { code: 0, output: "" });
  const page = await readFile(join(folder, "dist/dashboard/index.html"), "utf8");
  assert.match(page, /%version%/, "what the server knows is left to it");
  const names = [...page.matchAll(/assets\/([\w-]+-[\w-]{8}\.\w+)/g)].map(([, name]) => name);
  assert.deepEqual(
    names.map((name) => name?.replace(/-[\w-]{8}\./, ".")),
    ["main.css", "main.js", "preview.html", "icon.svg"],
  );
  assert.deepEqual((await readdir(join(folder, "dist/dashboard/assets"))).sort(), [...names].sort());
  assert.deepEqual((await readdir(join(folder, "dist/dashboard"))).sort(), ["assets", "index.html"]);

  await writeFile(join(folder, "src/dashboard/look.css"), "p { color: blue }\n");
  assert.equal(build().code, 0);
  const after = await readdir(join(folder, "dist/dashboard/assets"));
  assert.deepEqual(after.filter((name) => !names.includes(name)).length, 1, "only what has changed has a new name");
});
