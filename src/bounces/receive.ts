// Takes a mail off the wire: its beginning is kept, the rest only counted.
import type { Readable } from "node:stream";
import { readOctetsMax } from "./mime.ts";

/** `size`: octets in all. `bareLineEnding`: a CR without LF or the other way round (RFC 5321, section 2.3.8, forbids both). */
export type Received = { content: Buffer; size: number; bareLineEnding: boolean };

const carriageReturn = 13;
const lineFeed = 10;

/**
 * Reads a mail to its end, however large it is: whoever sends it waits for the answer to the final dot.
 * @returns undefined where the sender went away before that
 */
export async function receive(stream: Readable): Promise<Received | undefined> {
  const kept: Buffer[] = [];
  let [size, previous] = [0, 0];
  let bareLineEnding = false;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (size < readOctetsMax) kept.push(chunk.subarray(0, readOctetsMax - size));
      size += chunk.length;
      if (bareLineEnding) continue;
      for (const octet of chunk) {
        if ((octet === lineFeed) !== (previous === carriageReturn)) bareLineEnding = true;
        previous = octet;
      }
    }
  } catch {
    return undefined;
  }
  return { content: Buffer.concat(kept), size, bareLineEnding: bareLineEnding || previous === carriageReturn };
}
