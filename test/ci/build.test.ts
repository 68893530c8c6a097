// The build, tried out on a small house of its own, so that it is judged by what it makes and not by the state of src/.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { access, cp, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { builtProgram } from "../support/built.ts";
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

/** A folder to build in, with `files` beside the house's own, and the packages of this repository and, if files say so, others. */
async function smallHouse(
  t: TestContext,
  files: Record<string, string> = {},
): Promise<{ folder: string; build: () => { code: number | null; output: string } }> {
  const { path: folder, remove } = await temporaryFolder({ name: "build" });
  t.after(remove);
  await cp(join(repository, ".ci"), join(folder, ".ci"), { recursive: true });
  for (const name of ["tsconfig.json", "tsconfig.client.json", "package.json"]) await cp(join(repository, name), join(folder, name));
  await mkdir(join(folder, "node_modules"));
  const installed = await readdir(join(repository, "node_modules"));
  for (const name of installed) await symlink(join(repository, "node_modules", name), join(folder, "node_modules", name));
  for (const [file, content] of Object.entries({ ...house, ...files })) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), content);
  }
  const build = (): { code: number | null; output: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, ".ci/build.mjs")], { cwd: "/", encoding: "utf8" });
    return { code: status, output: stdout + stderr };
  };
  return { folder, build };
}

test("dist/ holds a program that can be run, its source map, what it reads at its place, and of the client files with declarations", async (t) => {
  const { folder, build } = await smallHouse(t);
  assert.deepEqual(build(), { code: 0, output: "" });
  assert.equal((await run(join(folder, "dist/main.js"))).stdout, "built");
  const map = JSON.parse(await readFile(join(folder, "dist/main.js.map"), "utf8")) as { sources: string[] };
  assert.deepEqual(map.sources, ["../src/store/word.ts", "../src/main.ts"]);
  for (const file of ["store/scripts/accept.lua", "http/page.html", "http/page.css"] as const) {
    assert.equal(await readFile(join(folder, "dist", file), "utf8"), house[`src/${file}`]);
  }
  assert.match(await readFile(join(folder, "dist/client/client.d.ts"), "utf8"), /where: \(url: string\) => URL/);
  const { where } = (await import(pathToFileURL(join(folder, "dist/client/client.js")).href)) as { where(url: string): URL };
  assert.equal(where("https://example.com").host, "example.com");
  assert.deepEqual((await readdir(join(folder, "dist"))).sort(), [
    ...[".sources", "THIRD_PARTY_NOTICES.txt", "client", "http", "main.js", "main.js.map", "packages.cdx.json", "store"],
  ]);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith("dist")),
    ["dist"],
  );
});

/** A module that is loaded by the program and by a thread, and so lies in a chunk of its own. */
const readingModules = {
  "src/main.ts": `#!/usr/bin/env node
import { Worker } from "node:worker_threads";
import { script } from "./store/reading.ts";
const isSource = import.meta.url.endsWith(".ts");
const thread = new Worker(new URL(isSource ? "./store/other.ts" : "./store/other.js", import.meta.url));
thread.on("message", (word) => process.stdout.write(\`\${script()}\${word}\`));
`,
  "src/store/reading.ts": `import { readFileSync } from "node:fs";
const folder = new URL("./scripts/", import.meta.url);
export const script = (): string => readFileSync(new URL("accept.lua", folder), "utf8");
`,
  "src/store/other.ts": `import { parentPort } from "node:worker_threads";
import { script } from "./reading.ts";
parentPort?.postMessage(script());
`,
};

test("what a module reads beside itself, and the threads that it starts, are found wherever the bundle has it", async (t) => {
  const { folder, build } = await smallHouse(t, readingModules);
  assert.deepEqual(build(), { code: 0, output: "" });
  const script = house["src/store/scripts/accept.lua"];
  assert.equal((await run(join(folder, "dist/main.js"))).stdout, script + script);
});

const odd = (manifest: object, text: string) => ({
  "src/main.ts": 'import { word } from "odd";\nprocess.stdout.write(word);\n',
  "node_modules/odd/package.json": JSON.stringify({ name: "odd", version: "1.2.3", license: "MIT", ...manifest }),
  "node_modules/odd/index.js": text,
});
const fine = 'exports.word = "odd";\n';

const refusals: Record<string, [files: Record<string, string>, told: RegExp]> = {
  "a module that reads what is not there": [
    { ...readingModules, "src/store/reading.ts": readingModules["src/store/reading.ts"].replace("scripts/", "scripst/") },
    /src\/store\/reading\.ts reads what the build does not find in dist\/.*\n.*scripst/,
  ],
  "a module that asks for its own URL and is a thread's alone": [
    { ...readingModules, "src/main.ts": readingModules["src/main.ts"].replace(/.*reading.*/, "").replace(/script\(\)/, '""') },
    /src\/store\/reading\.ts asks for its own URL, and only store\/other\.js has it/,
  ],
  "an import of what is not exported": [
    { "src/store/word.ts": "export const words = (): string => 'built';\n" },
    /No matching export in "src\/store\/word\.ts" for import "word"[\s\S]*src\/main\.ts:2:9/,
  ],
  "a client whose types are wrong": [
    { "src/client/client.ts": "export const where = (url: string): number => new URL(url);\n" },
    /src\/client\/client\.ts\(1,\d+\): error TS2322/,
  ],
  "a package that reads beside itself": [
    odd({}, 'exports.word = __dirname + "/word";\n'),
    /odd\/index\.js names its own place \(__dirname\)/,
  ],
  "a package that wants another one that is not there": [
    odd({}, 'try { require("odder"); } catch {}\nexports.word = "odd";\n'),
    /odd\/index\.js asks for odder, which is not installed/,
  ],
  "a package under a licence that asks for more than its text": [
    odd({ license: "GPL-3.0-only" }, fine),
    /odd is bundled, but its licence \(GPL-3\.0-only\) is not among those that may be/,
  ],
  "a package that brings no text of its licence": [
    odd({ license: "Apache-2.0" }, fine),
    /odd is bundled, but brings no text of its licence \(Apache-2\.0\)/,
  ],
};

for (const [what, [files, told]] of Object.entries(refusals)) {
  test(`${what} fails the build in words, and leaves the dist/ that worked`, async (t) => {
    const { folder, build } = await smallHouse(t, { ...files, "dist/main.js": "what worked" });
    const { code, output } = build();
    assert.equal(code, 1);
    assert.match(output, told);
    assert.doesNotMatch(output, /build\.mjs|at async/, "no stack of the build's own");
    assert.equal(await readFile(join(folder, "dist/main.js"), "utf8"), "what worked");
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith("dist")),
      ["dist"],
    );
  });
}

test("what a bundled package says of its licence goes with it, and one under MIT without a text gets the text", async (t) => {
  const { folder, build } = await smallHouse(t, {
    ...odd({ license: "Apache-2.0" }, 'exports.word = require("plain").word;\n'),
    "node_modules/odd/LICENSE": "The text of Apache.\n",
    "node_modules/odd/NOTICE.md": "Odd things.\n",
    "node_modules/plain/package.json": JSON.stringify({ name: "plain", version: "2.0.0", license: "MIT", author: { name: "Ann Example" } }),
    "node_modules/plain/index.js": fine,
    "node_modules/unused/package.json": JSON.stringify({ name: "unused", version: "2.0.0", license: "GPL-3.0-only" }),
    "node_modules/unused/index.js": fine,
  });
  assert.deepEqual(build(), { code: 0, output: "" });
  assert.equal((await run(process.execPath, [join(folder, "dist/main.js")])).stdout, "odd");
  const notices = await readFile(join(folder, "dist/THIRD_PARTY_NOTICES.txt"), "utf8");
  assert.match(notices, /\nodd 1\.2\.3\nApache-2\.0\n-+\n\nThe text of Apache\.\n\nOdd things\.\n/);
  assert.match(notices, /\nplain 2\.0\.0\nMIT\n-+\n\nCopyright \(c\) Ann Example\n\nPermission is hereby granted/);
  assert.doesNotMatch(notices, /unused/);
});

test("the product's notices and its bill of materials name every package that its sources import, as it is installed", async () => {
  const folder = dirname(await builtProgram());
  const notices = await readFile(join(folder, "THIRD_PARTY_NOTICES.txt"), "utf8");
  const bill = JSON.parse(await readFile(join(folder, "packages.cdx.json"), "utf8")) as { components: { name: string; version: string }[] };
  const sources = (await readdir(join(repository, "src"), { recursive: true })).filter((name) => /\.tsx?$/.test(name));
  const texts = await Promise.all(sources.map((name) => readFile(join(repository, "src", name), "utf8")));
  // Whole statements that begin a line, so that no word in a text is taken for one; types alone are no code.
  const statement = /^(?:import|export) (?!type\b)[^;"]*?from "((?:@[\w.-]+\/)?[\w.-]+)[^"]*";$|\bimport\("((?:@[\w-]+\/)?[\w-]+)"\)/gm;
  const imported = new Set(texts.flatMap((text) => [...text.matchAll(statement)].map(([, one, other]) => one ?? other ?? "")));
  const packages = [...imported].filter((name) => !/^node$|^\.|^postern$/.test(name));
  assert.ok(packages.length > 25, packages.join(" "));
  for (const name of [...packages, "swagger-ui-dist", "avvio"]) {
    const listed = bill.components.filter((component) => component.name === name);
    assert.ok(listed.length > 0, name);
    for (const { version } of listed) assert.ok(notices.includes(`\n${name} ${version}\n`), `${name} ${version}`);
    if (name === "swagger-ui-dist") continue;
    const { version } = JSON.parse(await readFile(join(repository, "node_modules", name, "package.json"), "utf8")) as { version: string };
    assert.ok(
      listed.some((component) => component.version === version),
      `${name} ${version}`,
    );
  }
  for (const part of notices
    .split(/^-{80}$/m)
    .slice(2)
    .filter((_part, index) => index % 2 === 0))
    assert.ok(part.trim().length > 40, part);
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
