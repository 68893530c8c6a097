// Reading JSON bodies: large files aside, at once, and what would take long enough to hold up others in a thread.
import type { TransferListItem } from "node:worker_threads";
import { createThread } from "../accept/thread.ts";
import { createTurns } from "../domain/turns.ts";
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
  // Each gives others a turn every 2 ms: ten side by side would give them one every 20.
  const inTurn = createTurns(1);
  return {
    read: (body, holdsFiles) => {
      if (!holdsFiles || body.length <= largeLetters) return parse(body);
      return body.length <= longOctets ? parseWithFiles(body, parse) : inTurn(() => parseWithFiles(body, parse));
    },
    stop: aside.stop,
  };
}
