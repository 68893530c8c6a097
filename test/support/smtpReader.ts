// The receiving half of an SMTP server's connection: lines, and message data up to the final dot.
import type { Duplex } from "node:stream";

export type SmtpReader = {
  /** The next line without its CRLF, or undefined at the end of the connection. */
  line(): Promise<string | undefined>;
  /** The bytes up to CRLF.CRLF, the last line's CRLF included, dot-stuffing undone (RFC 5321 section 4.5.2); undefined when cut off. */
  data(): Promise<Buffer | undefined>;
  /** Resolves when so many bytes lie here unread, or the connection has ended. */
  atLeast(bytes: number): Promise<void>;
  /** Stops reading, and forgets what came too early: what follows is for another reader, a TLS layer. */
  release(): void;
};

const lineEnd = Buffer.from("\r\n");
const finalDot = Buffer.from("\r\n.\r\n");

/** Takes over the socket's data and faults; a fault is the end of the connection. */
export function smtpReader(socket: Duplex): SmtpReader {
  let buffered: Buffer[] = [];
  let ended = false;
  let wake = () => {};
  const onData = (chunk: Buffer) => {
    buffered.push(chunk);
    wake();
  };
  const onEnd = () => {
    ended = true;
    wake();
  };
  socket.on("data", onData).on("end", onEnd).on("close", onEnd).on("error", onEnd);
  const more = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });

  /** Returns everything up to and with the delimiter. Each chunk is looked at once, with the few bytes before it. */
  const readThrough = async (delimiter: Buffer, start: Buffer): Promise<Buffer | undefined> => {
    const taken: Buffer[] = [start];
    let tail = start;
    for (;;) {
      const chunk = buffered.shift();
      if (chunk === undefined) {
        if (ended) return undefined;
        await more();
        continue;
      }
      const window = Buffer.concat([tail, chunk]);
      const found = window.indexOf(delimiter);
      if (found >= 0) {
        const end = found + delimiter.length - tail.length;
        taken.push(chunk.subarray(0, end));
        if (end < chunk.length) buffered.unshift(chunk.subarray(end));
        return Buffer.concat(taken);
      }
      taken.push(chunk);
      tail = window.subarray(Math.max(0, window.length - delimiter.length + 1));
    }
  };

  return {
    async line() {
      const bytes = await readThrough(lineEnd, Buffer.alloc(0));
      return bytes?.subarray(0, -2).toString("utf8");
    },
    async data() {
      // An empty message is a dot right after DATA's own CRLF.
      const bytes = await readThrough(finalDot, lineEnd);
      if (!bytes) return undefined;
      const stuffed = bytes.subarray(0, -3).toString("latin1");
      return Buffer.from(stuffed.replaceAll("\r\n.", "\r\n").slice(2), "latin1");
    },
    async atLeast(bytes) {
      while (!ended && buffered.reduce((sum, chunk) => sum + chunk.length, 0) < bytes) await more();
    },
    release() {
      buffered = [];
      socket.off("data", onData).off("end", onEnd).off("close", onEnd);
    },
  };
}
