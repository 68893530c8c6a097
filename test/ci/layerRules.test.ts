// The linter's rules are the only guard of the house's layers, so they are tried out: every room imports every other one, and
// every package that belongs to one room, from folders of any depth. What `biome lint` then reports must be the table below.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const biome = join(repository, "node_modules/.bin/biome");

const rooms = [
  ...["accept", "bounces", "cli", "client", "compose", "config", "dashboard", "deliver", "domain", "http"],
  ...["main", "notify", "queue", "relay", "sandbox", "start", "store", "telemetry", "upkeep"],
] as const;
type Room = (typeof rooms)[number];

/** Rooms that are one file of src/; `config` and `start` may have a folder of the same name beside it. */
const files: readonly Room[] = ["config", "main", "start"];
const allBut = (...excluded: Room[]): Room[] => rooms.filter((room) => !excluded.includes(room));

/** Who may import whom. */
const mayImport: Record<Room, readonly Room[]> = {
  accept: ["domain", "telemetry", "store", "queue", "compose"],
  bounces: ["domain", "telemetry", "store"],
  cli: allBut("main"),
  client: [],
  compose: ["domain", "telemetry"],
  config: ["domain"],
  dashboard: [],
  deliver: ["domain", "telemetry", "store", "queue", "relay"],
  domain: [],
  http: ["domain", "telemetry", "accept", "store", "bounces"],
  main: allBut("main"),
  notify: ["domain", "telemetry", "store"],
  queue: ["domain", "telemetry"],
  relay: ["domain", "telemetry"],
  sandbox: ["domain", "telemetry"],
  start: allBut("main", "cli"),
  store: ["domain", "telemetry"],
  telemetry: ["domain"],
  upkeep: ["domain", "telemetry", "store", "queue"],
};

/** Packages that belong to one room or two. */
const homes: Record<string, readonly Room[]> = {
  ioredis: ["store"],
  "ioredis/built/Redis.js": ["store"],
  bullmq: ["queue"],
  "bullmq/dist/esm/index.js": ["queue"],
  nodemailer: [],
  "nodemailer/lib/shared": ["relay"],
  "nodemailer/lib/smtp-connection": [],
  "nodemailer/lib/smtp-pool/index.js": [],
  "nodemailer/lib/mail-composer": [],
  "nodemailer/lib/mime-node": [],
  "nodemailer/lib/mime-funcs": ["compose"],
  "smtp-server": ["sandbox", "bounces"],
  fastify: ["http"],
  helmet: ["http"],
  "fastify-type-provider-zod": ["http"],
  "@opentelemetry/api": ["telemetry"],
  "@opentelemetry/sdk-trace": ["telemetry"],
  zod: allBut("domain"),
  uuid: allBut("domain"),
  "node:fs": allBut("domain"),
};

type Trial = { file: string; line: number; from: Room; specifier: string; allowed: boolean };

/** The files of src/ that try out a room: its own file, and its folder at three depths. */
function filesOf(room: Room): string[] {
  const folders = [`src/${room}/trial.ts`, `src/${room}/one/trial.ts`, `src/${room}/one/two/trial.ts`];
  if (room === "main") return ["src/main.ts"];
  return files.includes(room) ? [`src/${room}.ts`, ...folders] : folders;
}

function trialsOf(room: Room): Trial[] {
  return filesOf(room).flatMap((file) => {
    const reach = (target: string): string => {
      const path = relative(dirname(file), target);
      return path.startsWith(".") ? path : `./${path}`;
    };
    const ways: { specifier: string; allowed: boolean }[] = [];
    for (const other of rooms) {
      if (other === room) continue;
      const targets = [
        ...(files.includes(other) ? [`src/${other}.ts`] : []),
        ...(other === "main" ? [] : [`src/${other}/some.ts`, `src/${other}/deep/some.ts`]),
      ];
      for (const target of targets) ways.push({ specifier: reach(target), allowed: mayImport[room].includes(other) });
    }
    for (const [specifier, owners] of Object.entries(homes)) ways.push({ specifier, allowed: owners.includes(room) });
    if (room !== "main")
      ways.push({ specifier: reach(`src/${room}/own.ts`), allowed: true }, { specifier: reach(`src/${room}/one/own.ts`), allowed: true });
    return ways.map((way, index) => ({ file, line: index + 1, from: room, ...way }));
  });
}

/** The places that the linter reports under one of the given rules, as `file:line`. */
async function lint(folder: string, ...rules: string[]): Promise<string[]> {
  const output = await new Promise<string>((done) => {
    // Its exit code is 1 as soon as there is something to report.
    const options = { cwd: folder, maxBuffer: 64 * 1024 * 1024 };
    execFile(biome, ["lint", "--reporter=json", "--max-diagnostics=none", "."], options, (_fault, stdout) => done(stdout));
  });
  type Report = { diagnostics: { category: string; location: { path: string; start: { line: number } } }[] };
  const report = JSON.parse(output) as Report;
  const found = report.diagnostics.filter(({ category }) => rules.includes(category));
  return found.map(({ location }) => `${location.path}:${location.start.line}`).sort();
}

/** A folder with the repository's own rules and the given files; it is removed when the test ends. */
async function houseWith(t: TestContext, contents: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder({ name: "layer-rules" });
  t.after(folder.remove);
  const rules = ["biome.json", ".ci/inlineImports.grit", "package.json", ".gitignore"];
  for (const name of rules) await cp(join(repository, name), join(folder.path, name), { recursive: true });
  for (const [file, content] of Object.entries(contents)) {
    await mkdir(dirname(join(folder.path, file)), { recursive: true });
    await writeFile(join(folder.path, file), content);
  }
  return folder.path;
}

test("every room of the house has its row in the table", async () => {
  const entries = await readdir(join(repository, "src"), { withFileTypes: true });
  const found = entries
    .filter((entry) => entry.isDirectory() || entry.name.endsWith(".ts"))
    .map((entry) => entry.name.replace(/\.ts$/, ""));
  assert.deepEqual(
    found.filter((name) => !(rooms as readonly string[]).includes(name)),
    [],
  );
});

test("the linter refuses every import that the table of rooms does not allow, at any depth, and no other", async (t) => {
  const trials = rooms.flatMap(trialsOf);
  const contents: Record<string, string> = {};
  for (const trial of trials) contents[trial.file] = `${contents[trial.file] ?? ""}import "${trial.specifier}";\n`;
  const reported = new Set(await lint(await houseWith(t, contents), "lint/style/noRestrictedImports"));
  const wrong = trials.filter((trial) => reported.has(`${trial.file}:${trial.line}`) === trial.allowed);
  const sentence = (trial: Trial): string => `${trial.file} -> ${trial.specifier} should be ${trial.allowed ? "allowed" : "refused"}`;
  assert.deepEqual(wrong.map(sentence), []);
  assert.ok(reported.size > 1_000, `only ${reported.size} imports were refused`);
});

test("a forbidden import is refused in whatever form it is written", async (t) => {
  const forms = [
    'import { send } from "../../relay/send.ts";',
    'import type { Send } from "../../relay/send.ts";',
    'import * as everything from "../../relay/send.ts";',
    'export { send as again } from "../../relay/send.ts";',
    'export type { Send as Again } from "../../relay/send.ts";',
    'export const later = () => import("../../relay/send.ts");',
    'export type Inline = import("../../relay/send.ts").Send;',
    'import "../../store/../relay/send.ts";',
  ];
  const file = "src/http/messages/trial.ts";
  const house = await houseWith(t, { [file]: `${forms.join("\n")}\n` });
  const reported = await lint(house, "lint/style/noRestrictedImports", "plugin");
  assert.deepEqual(
    reported,
    forms.map((_form, index) => `${file}:${index + 1}`),
  );
});

test("only the rooms that may are let near the environment, the terminal and the end of the process", async (t) => {
  const lines = ["export const home = process.env.HOME;", 'process.stdout.write("x");', 'console.log("x");', "process.exit(1);"];
  const everywhere = [
    "src/config.ts",
    "src/config/redis.ts",
    "src/cli/top.ts",
    "src/main.ts",
    "src/start.ts",
    "src/store/keys.ts",
    "src/sandbox/banner.ts",
  ];
  const house = await houseWith(t, Object.fromEntries(everywhere.map((file) => [file, `${lines.join("\n")}\n`])));
  const refusedLines: Record<string, number[]> = {
    "src/config.ts": [2, 3, 4],
    "src/cli/top.ts": [1, 3, 4],
    "src/main.ts": [1, 3],
  };
  const rules = [
    "lint/style/noProcessEnv",
    "lint/nursery/noJsRestrictedProperties",
    "lint/suspicious/noConsole",
    "lint/nursery/noProcessExit",
  ];
  const reported = await lint(house, ...rules);
  const expected = everywhere.flatMap((file) => (refusedLines[file] ?? [1, 2, 3, 4]).map((line) => `${file}:${line}`));
  assert.deepEqual(reported, expected.sort());
});

test("the domain may not read a clock, draw randomness or reach outside", async (t) => {
  const lines = [
    "export const now = Date.now();",
    "export const chance = Math.random();",
    "export const name = process.title;",
    "setTimeout(() => {}, 1);",
    'import { randomBytes } from "node:crypto";',
    'import { createHmac } from "node:crypto";',
    'import { domainToASCII } from "node:url";',
  ];
  const house = await houseWith(t, { "src/domain/trial.ts": `${lines.join("\n")}\n` });
  const rules = ["lint/style/noRestrictedImports", "lint/style/noRestrictedGlobals", "lint/nursery/noJsRestrictedProperties"];
  const reported = await lint(house, ...rules);
  assert.deepEqual(
    reported,
    [1, 2, 3, 4, 5].map((line) => `src/domain/trial.ts:${line}`),
  );
});

test("a promise that nobody waits for is refused, also when another file makes it", async (t) => {
  const house = await houseWith(t, {
    "src/store/made.ts": "export async function save(): Promise<void> {}\n",
    "src/store/used.ts": 'import { save } from "./made.ts";\nsave();\nvoid save();\nawait save();\n',
  });
  assert.deepEqual(await lint(house, "lint/nursery/noFloatingPromises"), ["src/store/used.ts:2"]);
});

test("two files that import each other are refused", async (t) => {
  const house = await houseWith(t, {
    "src/store/left.ts": 'import { right } from "./right.ts";\nexport const left = () => right;\n',
    "src/store/right.ts": 'import { left } from "./left.ts";\nexport const right = () => left;\n',
  });
  assert.deepEqual(await lint(house, "lint/suspicious/noImportCycles"), ["src/store/left.ts:1", "src/store/right.ts:1"]);
});
