// One SMTP connection to the relay, from its first byte to its last: nodemailer's SMTPConnection speaks, we listen along.
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import SMTPConnection, { type SMTPConnectionOptions, type SMTPError } from "nodemailer/lib/smtp-connection";
import type { ConnectionFacts, TranscriptLine } from "../domain/relay.ts";
import { type Features, noFeatures } from "./features.ts";
import { createReplyReader } from "./replies.ts";

/** Who follows the dialogue now: whoever sets the connection up, then one transaction after the other. */
export type Observer = {
  /** A command as it leaves, without its line end; secrets of PLAIN, LOGIN's password and message bytes are not in it. */
  onCommand(line: string): void;
  /** A complete reply, lines separated by LF. */
  onReply(raw: string): void;
  /** The connection is gone, for whatever reason; said once. `error` is nodemailer's, if it had one. */
  onLost(text: string, error: SMTPError | undefined): void;
};

const ignore = () => {};

/** What nodemailer does not declare: the one place where a command is written. */
type CommandWriter = { _sendCommand(line: string, logged?: string): void };

/**
 * SMTPConnection announces SMTPUTF8 only for an address that needs it, but header fields in UTF-8 need it too (RFC 6531, section 3.4).
 */
class Smtp extends SMTPConnection implements CommandWriter {
  headersNeedUtf8 = false;
  /** Told of each line that nodemailer keeps out of its log, in part or whole. */
  onSecret: (line: string) => void = ignore;

  _sendCommand(line: string, logged?: string): void {
    if (logged !== undefined && logged !== line) this.onSecret(line);
    const needed = this.headersNeedUtf8 && line.startsWith("MAIL FROM:") && !/> (?:.* )?SMTPUTF8(?: |$)/.test(line);
    const announced = needed ? `${line} SMTPUTF8` : line;
    (SMTPConnection.prototype as unknown as CommandWriter)._sendCommand.call(this, announced, logged);
  }
}

/** nodemailer appends the relay's words to its own. */
function withoutReply({ message, response }: SMTPError): string {
  return response !== undefined && message.endsWith(`: ${response}`) ? message.slice(0, -response.length - 2) : message;
}

export class RelayConnection {
  readonly smtp: Smtp;
  observer: Observer | undefined;
  /** Told once when the connection is gone, after the observer: for whoever keeps count of connections. */
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
  #ready = false;
  #isTunnelled = false;
  #destroyedBecause: string | undefined;

  /** Makes a connection that is not connected yet. Its handlers stay to its end: no fault of the socket is ever unhandled. */
  constructor(options: SMTPConnectionOptions) {
    const debug = (entry: { tnx?: string }, text: string) => {
      if (entry.tnx === "client") this.observer?.onCommand(text);
      // Once it is ready, the reader below sees all replies, and sooner.
      else if (entry.tnx === "server" && !this.#ready) this.observer?.onReply(text);
    };
    const logger = { trace: ignore, debug, info: ignore, warn: ignore, error: ignore, fatal: ignore };
    this.smtp = new Smtp({ ...options, logger, transactionLog: true });
    this.smtp.on("error", (error: SMTPError) => this.#lose(`The connection to the relay broke off: ${withoutReply(error)}.`, error));
    this.smtp.on("end", () => this.#lose(this.#destroyedBecause ?? "The relay closed the connection.", undefined));
  }

  /** Connects, or takes over a socket that is connected to the relay through a proxy. The callback comes after EHLO and STARTTLS. */
  start(tunnel: Socket | undefined, done: (error?: SMTPError) => void): void {
    if (tunnel) this.smtp.options.connection = tunnel;
    this.#isTunnelled = tunnel !== undefined;
    this.smtp.connect(done);
  }

  get socket(): Socket {
    const { _socket: socket } = this.smtp;
    if (!socket) throw new Error("the relay's connection has no socket yet");
    return socket;
  }

  /**
   * To be called once, when the session is set up. From now on replies are read off the socket itself, before nodemailer does: it takes
   * them one by one through the event loop, and drops what is left when the relay closes right behind its answers.
   */
  becomeReady(setUp: { lines: TranscriptLine[]; durationMs: number }): void {
    const { socket } = this;
    this.#ready = true;
    this.setUp = { ...setUp, readyAt: performance.now() };
    this.facts = {
      // Behind a proxy it is the proxy's.
      ...(socket.remoteAddress === undefined || this.#isTunnelled ? {} : { remoteAddress: socket.remoteAddress }),
      ...(socket instanceof TLSSocket ? { tls: { version: socket.getProtocol() ?? "unknown", cipher: socket.getCipher().name } } : {}),
    };
    socket.prependListener(
      "data",
      createReplyReader((raw) => this.observer?.onReply(raw)),
    );
  }

  /** Ends the connection at once: nothing more is written, not even what lies in the socket's buffer. */
  destroy(reason: string): void {
    this.#destroyedBecause = reason;
    this.smtp.close();
  }

  /** RSET. Resolves to false, with the connection gone, if the relay does not agree in time. */
  reset(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (agreed: boolean) => {
        clearTimeout(timer);
        this.observer = undefined;
        this.mustReset = false;
        if (!agreed) this.destroy("The relay did not agree to RSET.");
        resolve(agreed);
      };
      const timer = setTimeout(() => settle(false), timeoutMs);
      this.observer = { onCommand: ignore, onReply: ignore, onLost: () => settle(false) };
      this.smtp.reset((error) => settle(error === null));
    });
  }

  /** QUIT. The connection is gone when the relay has answered, and at the latest after the timeout. */
  quit(timeoutMs: number): void {
    if (this.lostBecause !== undefined) return;
    const timer = setTimeout(() => this.destroy("The relay did not answer QUIT."), timeoutMs);
    this.observer = { onCommand: ignore, onReply: ignore, onLost: () => clearTimeout(timer) };
    this.smtp.quit();
  }

  #lose(text: string, error: SMTPError | undefined): void {
    if (this.lostBecause !== undefined) return;
    this.lostBecause = text;
    const { observer } = this;
    this.observer = undefined;
    observer?.onLost(text, error);
    this.onGone();
  }
}
