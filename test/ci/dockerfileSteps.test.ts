// The image's recipe where no engine is at hand: every COPY and RUN of the Dockerfile is carried out in empty folders, by an
// ordinary user and from no more than .dockerignore lets through. What comes out must start as the image would.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, realpath } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, dirname, join, relative, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startGateway } from "../support/gateway.ts";
import { startOtlpCollector } from "../support/otlpCollector.ts";
import { startRedis } from "../support/redis.ts";
import { dsn } from "../support/reportMail.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const run = promisify(execFile);
const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

type Stage = { name: string; instructions: { name: string; text: string }[] };

/** The stages of a Dockerfile, without comments and with continued lines joined. */
function parseDockerfile(source: string): Stage[] {
  const lines = source
    .replaceAll(/^\s*#.*\n/gm, "")
    .replaceAll(/\\\n\s*/g, "")
    .split("\n");
  const stages: Stage[] = [];
  for (const line of lines) {
    const [, name, text] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === undefined || text === undefined) continue;
    if (name === "FROM") stages.push({ name: / AS (\S+)$/.exec(text)?.[1] ?? "image", instructions: [] });
    else stages.at(-1)?.instructions.push({ name, text });
  }
  return stages;
}

const stages = parseDockerfile(await readFile(join(repository, "Dockerfile"), "utf8"));
const image = stages.find((stage) => stage.name === "image") as Stage;
const textsOf = (name: string): string[] => image.instructions.filter((step) => step.name === name).map((step) => step.text);

/** The command of an instruction in exec form; what stands before the list (options, `CMD`) is left out. */
const commandOf = (name: string): string[] => JSON.parse(/\[.*\]$/.exec(textsOf(name)[0] ?? "")?.[0] ?? "[]") as string[];
const imageEnvironment = Object.fromEntries(
  [
    ...textsOf("ENV")
      .join(" ")
      .matchAll(/(\w+)=(\S+)/g),
  ].map(([, name, value]) => [name, value]),
);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
/** Debian's `nobody` where the tests run as root; otherwise whoever runs them is ordinary enough. */
const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const rootOf = (stage: string): string => join(folder.path, stage);

/** What a step gets to know of the machine: the way to the package registry, and a home of its own. */
async function stepEnvironment(): Promise<Record<string, string>> {
  const network = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
  ];
  const { stdout: registry } = await run("npm", ["config", "get", "registry"], { cwd: repository });
  return {
    ...Object.fromEntries(network.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))),
    PATH: `${rootOf("bin")}:/usr/local/bin:/usr/bin:/bin`,
    HOME: rootOf("home"),
    npm_config_registry: registry.trim(),
  };
}

/** Copies like COPY: a folder's content to the target, a file into or onto it. Of the context only what .dockerignore lets through. */
async function copy(text: string, stage: string, workingFolder: string): Promise<void> {
  const words = text.split(/\s+/);
  const from = words.find((word) => word.startsWith("--from="))?.slice("--from=".length);
  const paths = words.filter((word) => !word.startsWith("--"));
  const target = resolve(workingFolder, paths.pop() ?? "");
  const asFolder = paths.length > 1 || text.endsWith("/");
  const ignored = (await readFile(join(repository, ".dockerignore"), "utf8"))
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  assert.equal(ignored[0], "*");
  for (const path of paths) {
    const source = from === undefined ? join(repository, path) : join(rootOf(from), path);
    const top = relative(repository, source).split("/")[0];
    if (from === undefined) assert.ok(ignored.includes(`!${top}`), `.dockerignore withholds ${path}, which the Dockerfile copies`);
    const place = join(rootOf(stage), target, asFolder ? basename(path) : "");
    await mkdir(dirname(place), { recursive: true });
    await cp(source, place, { recursive: true, verbatimSymlinks: true });
  }
}

/** Hands a tree over to the ordinary user, as if that user had made it. */
async function handOver(path: string): Promise<void> {
  if (user.uid !== undefined) await run("chown", ["--recursive", `${user.uid}:${user.gid}`, path]);
}

describe("the steps, carried out by an ordinary user", () => {
  before(async () => {
    folder = await temporaryFolder({ name: "dockerfile", mode: 0o755 });
    await mkdir(rootOf("home"));
    // Our own Node may lie where the ordinary user cannot look.
    await cp(await realpath(process.execPath), join(rootOf("bin"), "node"));
    await handOver(rootOf("home"));
    const env = await stepEnvironment();
    for (const { name: stage, instructions } of stages) {
      let workingFolder = "/";
      for (const { name, text } of instructions) {
        if (name === "WORKDIR") {
          workingFolder = resolve(workingFolder, text);
          await mkdir(join(rootOf(stage), workingFolder), { recursive: true });
        } else if (name === "COPY") await copy(text, stage, workingFolder);
        if (name !== "RUN") continue;
        await handOver(rootOf(stage));
        await run("/bin/sh", ["-c", text], { cwd: join(rootOf(stage), workingFolder), env, ...user });
      }
    }
  });

  after(async () => {
    if (folder === undefined) return;
    await run("chmod", ["--recursive", "u+w", folder.path]);
    await folder.remove();
  });

  test("the steps leave an image with the program, which brings all that it needs to run, and nothing that only the build needs", async () => {
    assert.deepEqual((await readdir(join(rootOf("image"), "app"))).sort(), ["dist", "package.json"]);
    assert.deepEqual(await readdir(join(rootOf("image"), "data")), []);
  });

  test("the program starts as an ordinary user who may write to nothing of the image", async () => {
    const app = join(rootOf("image"), "app");
    if (user.uid !== undefined) await run("chown", ["--recursive", "0:0", app]);
    await run("chmod", ["--recursive", "a-w", app]);
    const [program = "", ...args] = commandOf("ENTRYPOINT");
    assert.equal(program, "node");
    const { stdout } = await run(join(rootOf("bin"), "node"), [...args, "--help"], { cwd: app, env: imageEnvironment, ...user });
    assert.match(stdout, /postern/i);
  });

  test("it brings all that it runs: API, dashboard, the API's page, tracing, and every thread", async (t) => {
    const redis = await startRedis();
    t.after(redis.stop);
    const collector = await startOtlpCollector();
    t.after(collector.stop);
    const env = { REDIS_URL: redis.url, SMTP_URL: "smtp://127.0.0.1:1", OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const gateway = await startGateway({ program: join(rootOf("image"), "app/dist/main.js"), env });
    t.after(() => gateway.stop());
    const page = await gateway.get<string>("/");
    for (const path of ["/openapi.json", "/docs/", "/docs/static/swagger-ui.css", `/${/assets\/main-[\w-]+\.js/.exec(page.body)?.[0]}`]) {
      assert.equal((await gateway.get(path)).status, 200, path);
    }
    const attached = [{ filename: "a.eml", content: Buffer.from(`Subject: x\r\n\r\n${"line\r\n".repeat(100_000)}`).toString("base64") }];
    const message = { from: "a@example.com", to: "b@example.net", subject: "x", text: "ä".repeat(700_000), attachments: attached };
    assert.equal((await gateway.post("/v1/messages", message)).status, 202, "by the threads that parse and compose");
    const bounce = dsn({ recipient: "b@example.net" });
    const report = await gateway.post<{ status: string }>("/v1/bounces", bounce, { "content-type": "message/rfc822" });
    assert.deepEqual([report.status, report.body.status], [200, "unmatched"], "by the thread that reads reports");
    await collector.waitForSpans("any", (spans) => spans.length > 0);
  });
});

test("the image runs as a numbered user who is not root, so that a cluster can insist on it", () => {
  assert.match(textsOf("USER")[0] ?? "", /^[1-9]\d*:[1-9]\d*$/);
});

test("the health check asks the port that every role listens on, the API's where that is off, and fails on any other answer than 2xx", async (t) => {
  let status = 200;
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(status).end();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  t.after(() => server.close());
  const port = String((server.address() as AddressInfo).port);
  const unused = "1";
  const [program = "", ...args] = commandOf("HEALTHCHECK");
  assert.equal(program, "node");
  const check = async (env: Record<string, string>): Promise<number> =>
    await new Promise((done) => {
      execFile(process.execPath, args, { env: { ...imageEnvironment, ...env } }, (fault) =>
        done(typeof fault?.code === "number" ? fault.code : 0),
      );
    });
  assert.equal(await check({ METRICS_PORT: port, PORT: unused }), 0);
  assert.equal(await check({ METRICS_PORT: "0", PORT: port }), 0);
  assert.equal(await check({ METRICS_PORT: port, HOST: "127.0.0.1" }), 0);
  assert.deepEqual(asked, ["/livez", "/livez", "/livez"]);
  assert.equal(await check({ METRICS_PORT: unused, PORT: port }), 1);
  assert.equal(await check({ METRICS_PORT: port, HOST: "::1" }), 1);
  status = 503;
  assert.equal(await check({ METRICS_PORT: port }), 1);
});
