// Stacks of the built program name its sources.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { SourceMap, type SourceMapping } from "node:module";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inSources, sourceOf } from "../../src/telemetry/sourceMap.ts";
import { builtProgram } from "../support/built.ts";
import { startGateway } from "../support/gateway.ts";
import { startRedis } from "../support/redis.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("each place of the built program comes from where Node's own reader of source maps says", async () => {
  const folder = dirname(await builtProgram());
  let compared = 0;
  for (const name of (await readdir(folder)).filter((file) => file.endsWith(".js"))) {
    const file = join(folder, name);
    const map = new SourceMap(JSON.parse(await readFile(`${file}.map`, "utf8")));
    const lines = (await readFile(file, "utf8")).split("\n");
    for (let line = 1; line <= lines.length; line += 101) {
      for (const column of [1, 5, 15, 40].filter((at) => at <= (lines[line - 1]?.length ?? 0))) {
        const found = map.findEntry(line - 1, column - 1) as Partial<SourceMapping>;
        // Node's reader goes on to an earlier line where this one has nothing.
        if (found.generatedLine !== line - 1 || found.originalSource === undefined) continue;
        assert.deepEqual(
          sourceOf(pathToFileURL(file).href, line, column),
          {
            path: found.originalSource.replace(/^(\.\.\/)+/, ""),
            line: (found.originalLine ?? 0) + 1,
            column: (found.originalColumn ?? 0) + 1,
          },
          `${name}:${line}:${column}`,
        );
        compared++;
      }
    }
  }
  assert.ok(compared > 1000, `${compared} places`);
});

test("a file without a map, with a broken one, or of another program is told as it is", () => {
  const here = new URL(import.meta.url);
  for (const file of [new URL("nothing.js", here), new URL("../../package.json", here), new URL("../../src/main.js", here)]) {
    assert.equal(sourceOf(file.href, 1, 1), undefined);
    const stack = `Error: x\n    at y (${file.href}:1:1)`;
    assert.equal(inSources(stack), stack);
  }
});

test("an error in the built program's log names the sources' files and lines, and no chunk", async (t) => {
  const redis = await startRedis();
  t.after(redis.stop);
  const gateway = await startGateway({ env: { REDIS_URL: redis.url, SMTP_URL: "smtp://127.0.0.1:1" }, args: ["--role", "api"] });
  t.after(() => gateway.stop());
  await redis.command("SET", "{postern:0}:t:default:messages", "no-list-of-messages");
  const { status } = await gateway.post("/v1/messages", { from: "a@example.com", to: "b@example.net", text: "x" });
  assert.equal(status, 500);
  const line = gateway.logs().find((text) => text.includes('"level":"error"')) ?? assert.fail(gateway.logs().join("\n"));
  const { stack } = (JSON.parse(line) as { err: { stack: string } }).err;
  const places = [...stack.matchAll(/\((src\/[\w/]+\.ts):(\d+):\d+\)$/gm)];
  assert.ok(places.length >= 3, stack);
  for (const [, file = "", number] of places) {
    assert.ok(existsSync(join(root, file)), stack);
    const text = (await readFile(join(root, file), "utf8")).split("\n")[Number(number) - 1] ?? "";
    assert.match(text, /\w\(/, `${basename(file)}:${number} calls something: ${text}`);
  }
  assert.doesNotMatch(stack, /dist\/|file:/);
});
