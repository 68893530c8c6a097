// Reading JSON bodies: large files aside, at once, and what would take long enough to hold up others in a thread.
import type { TransferListItem } from "node:worker_threads";
import { createThread } from "../accept/thread.ts";
import { largeLetters, parseWithFiles } from "./largeFiles.ts";
import { type JsonValue, parseStrictJson } from "./strictJson.ts";

/** So much takes some 4 ms. */
const longOctets = 1024 * 1024;

const isSource = import.meta.url.endsWith(".ts");
const thread = new URL(isSource ? "./jsonThread.ts" : "./jsonThread.js", import.meta.url);

export type JsonReader = {
  /** What `parseStrictJson` says. `holdsFiles`: see `parseWithFiles`. Nobody else may read the body from now on. */
  read(body: Buffer, holdsFiles: boolean): JsonValue | Promise<JsonValue>;
  stop(): Promise<void>;
};

/** Makes a reader. */
export function createJsonReader(): JsonReader {
  const aside = createThread<Uint8Array, JsonValue>(thread);
  const parse = (body: Buffer): JsonValue | Promise<JsonValue> => {
    if (body.length <= longOctets) return parseStrictJson(body);
    // One that has its memory to itself need not be copied.
    const isWhole = body.length === body.buffer.byteLength;
    return aside.run(body, isWhole ? [body.buffer as TransferListItem] : []);
  };
  return {
    read: (body, holdsFiles) => (holdsFiles && body.length > largeLetters ? parseWithFiles(body, parse) : parse(body)),
    stop: aside.stop,
  };
}
