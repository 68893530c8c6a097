// The message on its way into DATA, and the one place that knows whether all of it was handed over.
import type { Socket } from "node:net";
import { endOfData, lineStart, stuffed } from "./dotStuffing.ts";

/** Up to this a message is one write; a longer one goes in such pieces, each when the socket has room. */
const chunkBytes = 64 * 1024;

/** How many bytes the pieces have together. */
export function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function* chunksOf(parts: readonly Buffer[]): Generator<Buffer, undefined> {
  for (const part of parts)
    for (let offset = 0; offset < part.length; offset += chunkBytes) yield part.subarray(offset, offset + chunkBytes);
}

/** What the body tells of itself: DATA was granted, some of it went on, `beforeFinalDot` takes its time, the final dot now leaves, or never will. */
export type BodyNews = "begun" | "moved" | "asking" | "handed_over" | { stopped: string; cause?: unknown };

type BodyOptions = {
  parts: readonly Buffer[];
  socket: Socket;
  beforeFinalDot: (() => boolean | Promise<boolean>) | undefined;
  onNews: (news: BodyNews) => void;
};

/** Only here is a message written to a relay, and its final dot: nothing else can say that it is all there. */
export class MessageBody {
  /** From here on the final dot may have reached the relay. */
  handedOver = false;
  readonly #options: BodyOptions;
  readonly #chunks: Iterator<Buffer, undefined>;
  /** The last byte of the message that went by. */
  #last = lineStart;
  #hasBegun = false;
  #isStopped = false;

  /**
   * @param options.parts the message, in pieces
   * @param options.socket where it is written to
   * @param options.beforeFinalDot asked when the rest of the message has left for the kernel, but for what fits into one write. If it says
   *   false or throws, no final dot leaves, now or later
   */
  constructor(options: BodyOptions) {
    this.#options = options;
    this.#chunks = chunksOf(options.parts);
  }

  /** Begins to write, once DATA was granted. */
  begin(): void {
    if (this.#isStopped) return;
    this.#options.onNews("begun");
    if (lengthOf(this.#options.parts) <= chunkBytes) this.#sendWhole();
    else this.#sendNext();
  }

  /** Writes no more, and no final dot. */
  stop(): void {
    this.#isStopped = true;
  }

  /** A small message leaves in one write with its final dot: one segment for the relay to read instead of two. */
  #sendWhole(): void {
    const pieces = this.#options.parts.map((part) => this.#stuffed(part));
    this.#askForDot(pieces);
  }

  #sendNext(): void {
    if (this.#isStopped) return;
    const { socket, onNews } = this.#options;
    if (this.#hasBegun) onNews("moved");
    this.#hasBegun = true;
    const { value: chunk } = this.#chunks.next();
    if (chunk === undefined) {
      this.#askForDot([]);
      return;
    }
    socket.write(this.#stuffed(chunk));
    // Others get their turn in between, however fast the relay takes it.
    const next = () => setImmediate(() => this.#sendNext());
    // Room for the next one, or for the final dot, is when this one has left.
    if (socket.writableNeedDrain) socket.once("drain", next);
    else next();
  }

  #stuffed(chunk: Buffer): Buffer {
    const bytes = stuffed(chunk, this.#last);
    this.#last = chunk.at(-1) ?? this.#last;
    return bytes;
  }

  /** @param held what is left of the message: it goes with the dot, or alone if that has to wait */
  #askForDot(held: readonly Buffer[]): void {
    const { socket, beforeFinalDot, onNews } = this.#options;
    const conclude = (granted: boolean, rest: readonly Buffer[]) => {
      if (this.#isStopped) return;
      if (granted) this.#end(rest);
      else this.#stopFor("Postern withdrew the message before its final dot.");
    };
    const fail = (cause: unknown) => {
      if (!this.#isStopped) this.#stopFor("Postern's own check before the final dot failed.", cause);
    };
    try {
      const answer = beforeFinalDot === undefined || beforeFinalDot();
      if (typeof answer === "boolean") {
        conclude(answer, held);
        return;
      }
      // Without its dot it is no message, and the way is made use of meanwhile.
      if (held.length > 0) socket.write(Buffer.concat(held));
      onNews("asking");
      answer.then((granted) => conclude(granted, [])).catch(fail);
    } catch (cause) {
      fail(cause);
    }
  }

  #end(rest: readonly Buffer[]): void {
    this.handedOver = true;
    this.#options.socket.write(Buffer.concat([...rest, endOfData(this.#last)]));
    this.#options.onNews("handed_over");
  }

  #stopFor(stopped: string, cause?: unknown): void {
    this.stop();
    this.#options.onNews({ stopped, ...(cause === undefined ? {} : { cause }) });
  }
}
