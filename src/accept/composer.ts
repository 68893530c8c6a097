// Composing as acceptance does it: at once, and for what would take long enough to hold up others, in a thread.
import { type Composed, compose } from "../compose/compose.ts";
import type { Content } from "../compose/content.ts";
import { type FinishedRaw, finishRaw, type RawDefaults, type RawFault } from "../compose/raw.ts";
import { createTurns } from "../domain/turns.ts";
import { createThread } from "./thread.ts";

/** So much text, or of a message that came whole, takes some 5 ms. */
const longOctets = 512 * 1024;

const isSource = import.meta.url.endsWith(".ts");
const thread = new URL(isSource ? "./composerThread.ts" : "./composerThread.js", import.meta.url);

/** What the thread is given. */
export type ComposerJob = { kind: "parts"; content: Content } | { kind: "raw"; raw: Uint8Array; defaults: RawDefaults };

type RawResult = FinishedRaw | { faults: RawFault[] };

export type Composer = {
  compose(content: Content): Promise<Composed>;
  finishRaw(raw: Buffer, defaults: RawDefaults): Promise<RawResult>;
  stop(): Promise<void>;
};

/** Makes a composer. Its functions do what those of the same names in `compose/` do, with the same errors. */
export function createComposer(): Composer {
  const aside = createThread<ComposerJob, Composed | RawResult>(thread);
  // Files are written in slices, with a turn for others after each: one message at a time, or that turn would be long in coming.
  const inTurn = createTurns(1);
  return {
    async compose(content) {
      if (readLetters(content) > longOctets) return withBuffer((await aside.run({ kind: "parts", content })) as Composed);
      return fileOctets(content) > longOctets ? inTurn(() => compose(content)) : compose(content);
    },
    async finishRaw(raw, defaults) {
      if (raw.length <= longOctets) return finishRaw(raw, defaults);
      const finished = (await aside.run({ kind: "raw", raw, defaults })) as RawResult;
      return "faults" in finished ? finished : withBuffer(finished);
    },
    stop: aside.stop,
  };
}

/** How much of the content has to be looked at: what becomes base64 is written in slices. */
function readLetters({ text = "", html = "", attachments }: Content): number {
  const read = attachments.filter(
    ({ filename, contentType }) => /^message\//i.test(contentType ?? "") || /\.(?:eml|mime?)$/i.test(filename),
  );
  return read.reduce((sum, { content }) => sum + content.length, text.length + html.length);
}

function fileOctets({ attachments }: Content): number {
  return attachments.reduce((sum, { content }) => sum + content.length, 0);
}

/** What comes from a thread is an array of octets only. */
function withBuffer<Finished extends { bytes: Uint8Array }>(finished: Finished): Finished & { bytes: Buffer } {
  const { buffer, byteOffset, byteLength } = finished.bytes;
  return { ...finished, bytes: Buffer.from(buffer, byteOffset, byteLength) };
}
