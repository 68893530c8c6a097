import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createComposer } from "../../src/accept/composer.ts";
import { createThread } from "../../src/accept/thread.ts";
import { compose } from "../../src/compose/compose.ts";
import type { Content } from "../../src/compose/content.ts";
import { finishRaw } from "../../src/compose/raw.ts";

const composer = createComposer();
after(composer.stop);

const content: Content = {
  from: { address: "ann@example.com", name: "Ann" },
  to: [{ address: "bob@example.org" }],
  cc: [],
  replyTo: [],
  subject: "Long",
  text: "A line.\n".repeat(100_000),
  html: "<p>Grüße</p>\n".repeat(10_000),
  headers: { "X-A": "1" },
  attachments: [
    { filename: "a.bin", content: Buffer.alloc(1_000_000, "abc") },
    { filename: "b.eml", content: Buffer.from("From: a@b.c\r\n\r\nHello\r\n"), contentType: "message/rfc822" },
  ],
  messageId: "<1@example.com>",
  date: new Date(0),
};

/** The octets, with the same word in every boundary. */
const told = (bytes: Buffer) => bytes.toString("latin1").replaceAll(/=_(mixed|alternative|related)_[0-9a-f-]{36}/g, "=_$1_word");

test("a long message is composed in the thread as it would be here", async () => {
  const aside = await composer.compose(content);
  const here = await compose(content);
  assert.ok(Buffer.isBuffer(aside.bytes));
  assert.equal(told(aside.bytes), told(here.bytes));
  assert.equal(aside.smtputf8, here.smtputf8);
  assert.equal(content.attachments[0]?.content.length, 1_000_000, "the caller keeps what is his");
});

test("a long message that came whole is finished in the thread as it would be here, or refused for the same", async () => {
  const defaults = { messageId: "<2@example.com>", date: new Date(0), further: { "List-Unsubscribe": "<https://example.com/u>" } };
  const long = "A line.\r\n".repeat(100_000);
  for (const text of [
    `From: a@b.c\r\nBcc: d@e.f\r\n\r\n${long}`,
    `From: a@b.c\n\n${long.replaceAll("\r", "")}ü`,
    `${long}\n`,
    `\0${long}`,
  ]) {
    const raw = Buffer.from(text);
    assert.deepEqual(await composer.finishRaw(raw, defaults), finishRaw(raw, defaults));
    assert.equal(raw.length, Buffer.byteLength(text), "the caller keeps what is his");
  }
});

test("a fault of ours is the job's alone: the next job is done", async () => {
  const smuggling = { ...content, headers: { "X-A": "1\r\nBcc: eve@example.net" } };
  await assert.rejects(composer.compose(smuggling), ({ cause }: Error) => /not one field/.test(String(cause)));
  const [bad, good] = await Promise.allSettled([composer.compose(smuggling), composer.compose(content)]);
  assert.deepEqual([bad.status, good.status], ["rejected", "fulfilled"]);
});

test("whoever waits when a thread is stopped is told so", async () => {
  const program = `data:text/javascript,import{parentPort}from"node:worker_threads";parentPort.on("message",()=>{});`;
  const thread = createThread<number, number>(new URL(program));
  const waiting = [thread.run(1), thread.run(2)].map((run) => assert.rejects(run, /stopped/));
  await thread.stop();
  await Promise.all(waiting);
});
