import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { largeLetters, parseWithFiles } from "../../src/http/largeFiles.ts";
import { parseStrictJson } from "../../src/http/strictJson.ts";

/** What the strict parser says of the same body, once long texts that are base64 count as their octets. */
function alike(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return `octets ${value.toString("base64")}`;
  if (typeof value === "string") {
    const compact = value.replace(/[\r\n]+/g, "");
    return compact.length > 64 && /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact)
      ? `octets ${Buffer.from(compact, "base64").toString("base64")}`
      : value;
  }
  if (Array.isArray(value)) return value.map(alike);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, alike(member)]));
}

async function assertSame(body: Buffer): Promise<void> {
  assert.deepEqual(alike(await parseWithFiles(body, parseStrictJson)), alike(parseStrictJson(body)));
}

const file = Buffer.alloc(largeLetters, "some file's octets").toString("base64");
const quotedFile = JSON.stringify(file);

async function contentOf(body: string): Promise<unknown> {
  const parsed = await parseWithFiles(Buffer.from(body), parseStrictJson);
  assert.ok("value" in parsed, JSON.stringify(parsed).slice(0, 200));
  return parsed.value;
}

test("the base64 of a large file comes as its octets, however its library escapes it", async () => {
  const octets = Buffer.from(file, "base64");
  const lines = file.replace(/.{60}/g, "$&\n");
  const writings = [quotedFile, quotedFile.replaceAll("/", "\\/"), JSON.stringify(lines), JSON.stringify(lines.replaceAll("\n", "\r\n"))];
  for (const written of writings) {
    assert.deepEqual(await contentOf(`{"attachments":[{"filename":"a","content" : ${written}}]}`), {
      attachments: [{ filename: "a", content: octets }],
    });
    assert.deepEqual(await contentOf(`{"raw":${written},"envelope":{}}`), { raw: octets, envelope: {} });
    assert.deepEqual(await contentOf(`{"messages":[{"attachments":[{"content":${written}},{"content":"QQ=="}]},{}]}`), {
      messages: [{ attachments: [{ content: octets }, { content: "QQ==" }] }, {}],
    });
  }
});

test("a long text anywhere else stays a text", async () => {
  for (const body of [
    { metadata: { content: file } },
    { headers: { raw: file } },
    { content: file },
    { attachments: { content: file } },
    { attachments: [[{ content: file }]] },
    { attachments: [{ filename: file }] },
    { messages: [{ raw: file }] },
    { attachments: [{ content: { raw: file } }], raw: file },
    { 'a"content': file },
    { text: `\\"content":"${file}`, attachments: [{ content: `${file}*` }] },
    [{ attachments: [{ content: file }] }],
    file,
  ]) {
    assert.deepEqual(await contentOf(JSON.stringify(body)), body);
  }
});

test("what is no JSON that we take, or no base64, is judged as if files were nothing special", async () => {
  const content = `"content":${quotedFile}`;
  for (const body of [
    `{"attachments":[{${content},${content}}]}`,
    `{"attachments":[{${content}}],"text":"\\ud800"}`,
    `{"attachments":[{${content}}],"text":1e999}`,
    `{"attachments":[{${content}}`,
    `{"attachments":[{${content}}]}}`,
    `{"attachments":[{"content":${quotedFile.slice(0, -1)}`,
    `{"attachments":[{"content"${quotedFile}}]}`,
    `{"attachments":[{"content":"${quotedFile}}]}`,
    `{"attachments":[{"content":${quotedFile}"}]}`,
    `{"__proto__":{},"attachments":[{${content}}]}`,
    ...["\\u0041", "\\t", "\\\\n", "\\\\rn", "\\\\/", "\\\\", "\n", "\0", "-", "=", "\\x", "é"].flatMap((odd) =>
      [0, 1, 4, 100, 49_152, 49_151, file.length - 1, file.length].map(
        (at) => `{"attachments":[{"content":"${file.slice(0, at)}${odd}${file.slice(at)}"}]}`,
      ),
    ),
  ]) {
    await assertSame(Buffer.from(body));
  }
  await assertSame(Buffer.concat([Buffer.from(`{"attachments":[{${content}}],"text":"`), Buffer.from([0xff]), Buffer.from('"}')]));
});

test("bodies put together of anything, and cut or stained anywhere, get the verdict and value of the strict parser", async () => {
  const piece = fc.constantFrom(
    ...['{"attachments":[{', '"content":', '"raw" : ', quotedFile, `"${file.slice(1)}"`, "}]}", "{", "}", "[", "]", ",", ":", '"'],
    ...['"messages":[{', '"a"', '"content"', "\\", '\\"content"', "1", "\n", "null", quotedFile.replaceAll("/", "\\/")],
  );
  const valid = fc
    .record({
      files: fc.array(fc.constantFrom(file, file.slice(4), `${file}=`, "QQ=="), { maxLength: 3 }),
      text: fc.string(),
      space: fc.nat(2),
    })
    .map(({ files, text, space }) =>
      JSON.stringify({ text, attachments: files.map((content) => ({ content, filename: text })) }, null, space),
    );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        valid,
        fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
      ),
      fc.option(fc.tuple(fc.nat(), fc.constantFrom("", '"', "\\", "{", "content", "\u{1f600}"))),
      async (body, stain) => {
        const at = stain ? stain[0] % (body.length + 1) : 0;
        await assertSame(Buffer.from(stain ? body.slice(0, at) + stain[1] + body.slice(at + 1) : body));
      },
    ),
    { numRuns: 1_500 },
  );
});
