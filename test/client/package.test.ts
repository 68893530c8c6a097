// The client as it is published: whole, typed, on Web APIs alone, and with every operation of the API.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createClient } from "../../src/client/client.ts";
import { signatureHeaders } from "../../src/notify/signature.ts";
import { builtProgram } from "../support/built.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { type Act, refused, startAnswering } from "./answering.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

test("it runs where there is nothing but Web APIs, and imports nothing but its own files", async (t) => {
  const secret = `whsec_${Buffer.from("a secret of thirty-two bytes long").toString("base64")}`;
  const body = JSON.stringify({ type: "message.sent", data: {} });
  const stream: Act = (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write('id: evt_1\ndata: {"id":"evt_1"}\n\n');
  };
  const { asked, url } = await startAnswering(t, [
    { status: 202, body: { id: "msg_1" } },
    stream,
    refused(404, "not_found"),
    { status: 200, body: { body, secret, headers: signatureHeaders("evt_1", body, { secret }, Date.now()) } },
  ]);
  const client = join(dirname(await builtProgram()), "client/client.js");
  const script = fileURLToPath(new URL("bareContext.mjs", import.meta.url));
  const { stdout } = await run(process.execPath, ["--experimental-vm-modules", "--no-warnings", script, client, url], { timeout: 30_000 });
  const { modules, ...result } = JSON.parse(stdout) as { modules: number };
  assert.deepEqual(result, { sent: { id: "msg_1" }, events: ["evt_1"], refusal: "not_found", webhook: JSON.parse(body) });
  assert.equal((JSON.parse(asked[0]?.body ?? "") as { attachments: { content: string }[] }).attachments[0]?.content, "AP8=");
  assert.ok(modules > 5, `${modules} modules`);
});

const consumer = `
import { createClient, type Message, type PosternClient, PosternError, verifyWebhook, type WebhookEvent } from "postern/client";
const postern: PosternClient = createClient({ url: "https://example.com", apiKey: "key" });
const message: Message = await postern.messages.send({ from: { address: "a@example.com" }, to: ["b@example.net"], subject: undefined, text: "x" });
const [recipient] = message.recipients;
if (recipient?.status === "bounced") console.log(recipient.reply?.text.toUpperCase());
for await (const { category } of (await postern.messages.get("msg_1")).recipients.values()) if (category === "mailbox_full") break;
for await (const event of postern.events.follow({ types: ["message.bounced"] })) console.log(event.data.hard_bounce);
for await (const { address } of postern.suppressions.list({ reason: "complaint" })) console.log(address.length);
const event: WebhookEvent = await verifyWebhook({ body: "", headers: new Headers(), secret: "whsec_" });
console.log(event.type === "message.sent", new PosternError({ code: "timed_out", detail: "" }).retryAfterMs?.toFixed());
// @ts-expect-error an unknown field
await postern.messages.send({ from: "a@example.com", to: "b@example.net", subjet: "typo" });
// @ts-expect-error no such event
postern.events.follow({ types: ["message.bounce"] });
// @ts-expect-error recipients are missing
await postern.messages.send({ from: "a@example.com" });
// @ts-expect-error no such state
if (message.status === "done") console.log();
`;

test("its types are found by a package that uses it, with Web types alone and the strictest settings, and refuse what the API refuses", async (t) => {
  await builtProgram();
  const { path, remove } = await temporaryFolder({ name: "consumer" });
  t.after(remove);
  await mkdir(join(path, "node_modules"));
  await symlink(root, join(path, "node_modules/postern"));
  await writeFile(join(path, "package.json"), '{ "type": "module" }');
  await writeFile(join(path, "app.ts"), consumer);
  for (const module of ["nodenext", "esnext"]) {
    const compilerOptions = {
      ...{ target: "es2022", lib: ["es2022", "dom", "dom.iterable"], types: [], module, noEmit: true },
      ...{
        moduleResolution: module === "esnext" ? "bundler" : module,
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
      },
    };
    await writeFile(join(path, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.ts"] }));
    const compiled = await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--project", path]).catch(
      (fault: { stdout: string }) => fault,
    );
    assert.equal(compiled.stdout, "", module);
  }
});

test("a package that is packed has the client in it, with its types", async () => {
  const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  const [packed] = Object.values(JSON.parse(stdout) as Record<string, { files: { path: string }[] }>);
  const paths = packed?.files.map(({ path }) => path) ?? [];
  const { exports } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    exports: Record<string, string | Record<string, string>>;
  };
  const wanted = Object.values(exports).flatMap((place) => (typeof place === "string" ? [place] : Object.values(place)));
  assert.deepEqual(
    wanted.filter((path) => !paths.includes(path.replace("./", ""))),
    [],
  );
});

/** What the client leaves to others: providers post these, orchestrators ask these; a report is explained where it lies. */
const others = /^(POST \/v1\/inbound\/.*|GET \/(livez|readyz))$/;

test("every operation of the API can be called, at its own place", async () => {
  const { paths } = JSON.parse(await readFile(join(root, "openapi/postern.json"), "utf8")) as { paths: Record<string, object> };
  const wanted = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const called = new Set<string>();
  const client = createClient({
    url: "http://gateway.test",
    apiKey: "key",
    fetch: async (url, init) => {
      const path = new URL(String(url)).pathname.replace(/\/argument0\b/, "/{0}").replace(/\/argument1\b/, "/{1}");
      called.add(`${init?.method} ${path}`);
      return path.endsWith("/stream") ? new Response("data: {}\n\n") : Response.json({ data: [] });
    },
  });
  const callAll = async (part: object): Promise<void> => {
    for (const value of Object.values(part)) {
      if (typeof value !== "function") await callAll(value as object);
      else {
        const result = await (value as (...given: string[]) => unknown)("argument0", "argument1");
        if (typeof result === "object" && result && "page" in result) await (result as { page(): Promise<unknown> }).page();
      }
    }
  };
  await callAll(client);
  for await (const _event of client.events.follow()) break;
  const places = (path: string) => {
    let index = 0;
    return path.replace(/\{\w+\}/g, () => `{${index++}}`);
  };
  assert.deepEqual(
    [...called].toSorted(),
    wanted
      .filter((place) => !others.test(place))
      .map(places)
      .toSorted(),
  );
});
