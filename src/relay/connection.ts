// One SMTP connection to the relay, from its first byte to its last: its socket, what comes off it, and who is told.
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { isAscii } from "../domain/ascii.ts";
import type { ConnectionFacts, TranscriptLine } from "../domain/relay.ts";
import { type Features, noFeatures } from "./features.ts";
import { createReplyReader, endsConnection, meaningOf } from "./replies.ts";

/** Who follows the dialogue: whoever sets the connection up, then one transaction after the other. Replies are for the one that came first. */
export type Observer = {
  /** The one before has its last reply: the next one is ours. */
  onTurn?(): void;
  /** A complete reply, lines separated by LF. */
  onReply(raw: string): void;
  /** Behind all replies that came in one piece: it is our turn. `isWhole` is false if the beginning of another reply is there already. */
  onRead?(isWhole: boolean): void;
  /** The connection is gone, for whatever reason; said once. `error` is the socket's, if it had one. */
  onLost(text: string, error: Error | undefined): void;
};

const ignore = () => {};
/** So that nothing on the way forgets a connection that is idle. */
const keepAliveMs = 30_000;
const outOfTurn = "The relay spoke though it was not asked.";

export class RelayConnection {
  /** Told once when the connection is gone, after the observers: for whoever keeps count of connections. */
  onGone: () => void = ignore;
  /** Set when the connection is gone: why. */
  lostBecause: string | undefined;
  features: Features = noFeatures;
  facts: Omit<ConnectionFacts, "reused"> = {};
  /** Transactions begun on it. */
  transactions = 0;
  /** A transaction ended without the relay's 2xx: it must be told to forget it (RSET) before the next one. */
  mustReset = false;
  /** How it was set up, for the transcript of its first transaction; `atMs` counts from its beginning, `durationMs` before `readyAt`. */
  setUp: { lines: TranscriptLine[]; durationMs: number; readyAt: number } | undefined;
  readonly #observers: Observer[] = [];
  /** Who came last has given up: why nothing more may be said, though the one before it still waits for its last reply. */
  #spoiltBecause: string | undefined;
  #socket: Socket | undefined;
  #unlisten: () => void = ignore;
  /** Nothing of a reply is there that has not been told. */
  #isWhole = true;

  get socket(): Socket {
    if (!this.#socket) throw new Error("the relay's connection has no socket yet");
    return this.#socket;
  }

  /** Whether replies are still due to somebody. */
  get isAwaited(): boolean {
    return this.#observers.length > 0;
  }

  /** Whether somebody has begun behind the one whose reply is due. */
  get isFollowed(): boolean {
    return this.#observers.length > 1;
  }

  /** Whether a dialogue may begin: the socket takes what is written, and not half a reply to nothing has come. */
  get isReady(): boolean {
    const isInStep = this.#isWhole || this.isAwaited;
    return this.lostBecause === undefined && this.#spoiltBecause === undefined && isInStep && this.socket.writable;
  }

  /** Begins to observe. Where another one waits for its last reply, it gets that first. What is gone already is told at once. */
  begin(observer: Observer): void {
    if (this.lostBecause === undefined) this.#observers.push(observer);
    else observer.onLost(this.lostBecause, undefined);
  }

  /**
   * Ends to observe.
   * @param hangUp why the connection is to be gone: at once, or, if another one still waits for a reply, after that
   */
  end(observer: Observer, hangUp?: string): void {
    const at = this.#observers.indexOf(observer);
    if (at < 0) return;
    this.#observers.splice(at, 1);
    this.#spoiltBecause ??= hangUp;
    if (at > 0) return;
    if (this.#spoiltBecause !== undefined) this.#lose(this.#spoiltBecause);
    else this.#observers[0]?.onTurn?.();
  }

  /** Takes a connected socket over, for good: no fault of it is ever unhandled. One that was paused goes on. */
  adopt(socket: Socket): void {
    // Commands are written in the groups they belong to: held back for the answer to the last one they would only be late.
    socket.setNoDelay(true).setKeepAlive(true, keepAliveMs);
    const read = createReplyReader(
      (raw) => this.#take(raw),
      () => this.#lose("The relay's answer does not end."),
    );
    const onData = (chunk: Buffer) => {
      this.#isWhole = read(chunk);
      this.#observers[0]?.onRead?.(this.#isWhole);
    };
    const onEnd = () => this.#lose("The relay closed the connection.");
    socket.on("data", onData).on("end", onEnd).on("close", onEnd);
    socket.on("error", (error: Error) => this.#lose(`The connection to the relay broke off: ${error.message}.`, error));
    this.#unlisten = () => socket.off("data", onData).off("end", onEnd).off("close", onEnd);
    this.#socket = socket;
    if (this.lostBecause !== undefined) socket.destroy();
    else socket.resume();
  }

  /** Gives the socket away, to have TLS put over it; `adopt` takes what comes of it. What was said in clear is forgotten (RFC 3207, section 4.2). */
  giveAway(): Socket {
    const { socket } = this;
    this.#unlisten();
    this.features = noFeatures;
    return socket;
  }

  /** To be called once, when the session is set up. `isTunnelled`: the socket's other end is a proxy. */
  becomeReady(setUp: { lines: TranscriptLine[]; durationMs: number }, isTunnelled: boolean): void {
    const { socket } = this;
    this.setUp = { ...setUp, readyAt: performance.now() };
    this.facts = {
      ...(socket.remoteAddress === undefined || isTunnelled ? {} : { remoteAddress: socket.remoteAddress }),
      ...(socket instanceof TLSSocket ? { tls: { version: socket.getProtocol() ?? "unknown", cipher: socket.getCipher().name } } : {}),
    };
  }

  /** Writes lines that are complete. To a connection that is gone it is nothing. */
  write(lines: string): void {
    // Of plain text the socket need not work out how many octets it has.
    if (this.lostBecause === undefined) this.socket.write(lines, isAscii(lines) ? "latin1" : "utf8");
  }

  /** Ends the connection at once: nothing more is written, not even what lies in the socket's buffer. */
  destroy(reason: string): void {
    this.#lose(reason);
  }

  /** RSET. Resolves to false, with the connection gone, if the relay does not agree in time. */
  reset(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (agreed: boolean) => {
        clearTimeout(timer);
        this.mustReset = false;
        this.end(observer, agreed ? undefined : "The relay did not agree to RSET.");
        resolve(agreed);
      };
      const timer = setTimeout(() => settle(false), timeoutMs);
      const observer: Observer = { onReply: (raw) => settle(meaningOf(raw) === "done"), onLost: () => settle(false) };
      this.begin(observer);
      this.write("RSET\r\n");
    });
  }

  /** QUIT. The connection is gone when the relay has answered, and at the latest after the timeout. */
  quit(timeoutMs: number): void {
    if (this.lostBecause !== undefined) return;
    const timer = setTimeout(() => this.destroy("The relay did not answer QUIT."), timeoutMs);
    this.begin({ onReply: () => this.destroy("It was told QUIT."), onLost: () => clearTimeout(timer) });
    this.write("QUIT\r\n");
  }

  #take(raw: string): void {
    if (this.lostBecause !== undefined) return;
    const [observer] = this.#observers;
    if (observer) observer.onReply(raw);
    // It may say 421 at any time, to leave (RFC 5321, section 3.8); anything else would be taken for the answer to what is asked next.
    else this.#lose(endsConnection(raw) ? "The relay closed the connection." : outOfTurn);
  }

  #lose(text: string, error?: Error): void {
    if (this.lostBecause !== undefined) return;
    this.lostBecause = text;
    this.#socket?.destroy();
    for (const observer of this.#observers.splice(0)) observer.onLost(text, error);
    this.onGone();
  }
}
