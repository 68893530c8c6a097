// The message on its way into DATA, and the one place that knows whether all of it was handed over.
import type { Socket } from "node:net";
import { type Duplex, Readable } from "node:stream";

const chunkBytes = 64 * 1024;

/** How many bytes the pieces have together. */
export function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function* chunksOf(parts: readonly Buffer[]): Generator<Buffer, undefined> {
  for (const part of parts)
    for (let offset = 0; offset < part.length; offset += chunkBytes) yield part.subarray(offset, offset + chunkBytes);
}

/** What the body tells of itself: DATA was granted, some of it went on, `beforeFinalDot` takes its time, the final dot may now leave, or never will. */
export type BodyNews = "begun" | "moved" | "asking" | "handed_over" | { stopped: string; cause?: unknown };

/**
 * Given to nodemailer as the message. Once the relay has granted DATA, nodemailer calls `pipe` with its DataStream, which stuffs dots and
 * writes the final dot when, and only when, it is ended. So we end it ourselves: nothing else in nodemailer does, not even closing
 * the connection (`close()` unpipes it and destroys us), and a destroyed body never will.
 */
export class MessageBody extends Readable {
  /** From here on the final dot may have reached the relay. */
  handedOver = false;
  readonly #options: {
    parts: readonly Buffer[];
    socket: Socket;
    beforeFinalDot: (() => boolean | Promise<boolean>) | undefined;
    onNews: (news: BodyNews) => void;
  };
  readonly #chunks: Iterator<Buffer, undefined>;
  #hasBegun = false;

  /**
   * @param options.parts the message, in pieces
   * @param options.socket where the DataStream writes to
   * @param options.beforeFinalDot asked when the rest of the message has left for the kernel, but for what fits into the socket's buffer.
   *   If it says false or throws, the body is destroyed, and no final dot leaves
   */
  constructor(options: {
    parts: readonly Buffer[];
    socket: Socket;
    beforeFinalDot: (() => boolean | Promise<boolean>) | undefined;
    onNews: (news: BodyNews) => void;
  }) {
    super();
    this.#options = options;
    this.#chunks = chunksOf(options.parts);
  }

  override _read(): void {}

  override pipe<Destination extends NodeJS.WritableStream>(destination: Destination): Destination {
    const { parts, socket, onNews } = this.#options;
    const dataStream = destination as unknown as Duplex;
    if (this.destroyed) return destination;
    onNews("begun");
    // Stuffing doubles it at worst. A corked socket does not drain, so the whole of it must fit into its buffer.
    if (lengthOf(parts) * 2 + 5 < socket.writableHighWaterMark) this.#sendWhole(dataStream);
    else this.#sendNext(dataStream);
    return destination;
  }

  /** A small message leaves in one write with its final dot: one segment for the relay to read instead of two. */
  #sendWhole(dataStream: Duplex): void {
    const { parts, socket } = this.#options;
    socket.cork();
    dataStream.once("end", () => socket.uncork());
    dataStream.write(Buffer.concat(parts));
    if (!this.#askForDot(dataStream)) socket.uncork();
  }

  #sendNext(dataStream: Duplex): void {
    if (this.destroyed) return;
    const { value: chunk } = this.#chunks.next();
    if (chunk === undefined) {
      this.#drain(dataStream);
      return;
    }
    if (this.#hasBegun) this.#options.onNews("moved");
    this.#hasBegun = true;
    // The callback comes when the DataStream has room again, that is, when the socket has.
    dataStream.write(chunk, () => this.#sendNext(dataStream));
  }

  #drain(dataStream: Duplex): void {
    const { socket, onNews } = this.#options;
    if (this.destroyed) return;
    onNews("moved");
    if (socket.writableNeedDrain) socket.once("drain", () => this.#drain(dataStream));
    // The socket has just drained, and the DataStream is about to go on: it asked for more before it gave away what it had.
    else if (dataStream.readableLength > 0) setImmediate(() => this.#drain(dataStream));
    else this.#askForDot(dataStream);
  }

  /** @returns whether it was answered at once (either way) */
  #askForDot(dataStream: Duplex): boolean {
    const { beforeFinalDot, onNews } = this.#options;
    const conclude = (granted: boolean) => {
      if (this.destroyed) return;
      if (granted) this.#end(dataStream);
      else this.#stop("Postern withdrew the message before its final dot.");
    };
    const fail = (cause: unknown) => {
      if (!this.destroyed) this.#stop("Postern's own check before the final dot failed.", cause);
    };
    try {
      const answer = beforeFinalDot === undefined || beforeFinalDot();
      if (typeof answer === "boolean") {
        conclude(answer);
        return true;
      }
      onNews("asking");
      answer.then(conclude).catch(fail);
      return false;
    } catch (cause) {
      fail(cause);
      return true;
    }
  }

  #end(dataStream: Duplex): void {
    this.handedOver = true;
    this.#options.onNews("handed_over");
    dataStream.end();
  }

  #stop(stopped: string, cause?: unknown): void {
    this.destroy();
    this.#options.onNews({ stopped, ...(cause === undefined ? {} : { cause }) });
  }
}
