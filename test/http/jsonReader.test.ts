import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createJsonReader } from "../../src/http/jsonReader.ts";
import { parseStrictJson } from "../../src/http/strictJson.ts";

const json = createJsonReader();
after(json.stop);

const long = "x".repeat(2 * 1024 * 1024);

test("a body that is read in the thread has the value and the verdict that it has here", async () => {
  const bodies = [
    `{"text":"${long}","list":[1,2,{"a":null}]}`,
    `{"text":"Grüße 🎉 \\n ${long}"}`,
    `{"text":"${long}","text":"twice"}`,
    `{"text":"${long}","__proto__":1}`,
    `{"text":"${long}\\ud800"}`,
    `{"text":"${long}"`,
    `${"[".repeat(40)}"${long}"`,
    " ".repeat(long.length),
  ].map((text) => Buffer.from(text));
  bodies.push(Buffer.concat([Buffer.from(`{"text":"${long}`), Buffer.from([0xff, 0x22, 0x7d])]));
  for (const body of bodies) {
    const here = parseStrictJson(body);
    assert.deepEqual(await json.read(body, false), here);
  }
});

test("many at once each get their own", async () => {
  const values = Array.from({ length: 8 }, (_, index) => ({ text: `${index}${long}` }));
  const read = await Promise.all(values.map((value) => json.read(Buffer.from(JSON.stringify(value)), true)));
  assert.deepEqual(
    read,
    values.map((value) => ({ value })),
  );
});

test("files come as octets beside a text that is read in the thread", async () => {
  const octets = Buffer.alloc(100_000, "file");
  const attachments = [{ content: octets.toString("base64") }];
  const body = () => Buffer.from(JSON.stringify({ text: long, attachments }));
  assert.deepEqual(await json.read(body(), true), { value: { text: long, attachments: [{ content: octets }] } });
  assert.deepEqual(await json.read(body(), false), { value: { text: long, attachments } });
});
