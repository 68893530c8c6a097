// An SMTP client that says exactly what a test tells it, proper or not.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export type SmtpTalk = {
  /** The greeting; empty if the connection ended before it. */
  readonly greeting: string;
  /** Sends a line and returns the reply, the lines of a multi-line one joined by LF; empty at the end of the connection. */
  say(line: string): Promise<string>;
  /** Sends bytes as they are, and returns without waiting for anything. */
  write(bytes: string | Buffer): void;
  /** The next reply to what was written. */
  reply(timeoutMs?: number): Promise<string>;
  /** DATA, the bytes dot-stuffed with a final dot behind them, and the reply to it. */
  data(raw: string | Buffer): Promise<string>;
  /** STARTTLS and the handshake; the certificate is not checked. */
  startTls(): Promise<void>;
  /** Resolves when the other side has ended the connection. */
  ended: Promise<void>;
  destroy(): void;
};

/** Some bodies have 50 MB, and the machine other work. */
const bodyMsMax = 60_000;

/** Opens a connection and reads the greeting. */
export async function smtpTalk(port: number, host = "127.0.0.1"): Promise<SmtpTalk> {
  const raw = connect({ port, host });
  await once(raw, "connect");
  let socket: Socket = raw;
  let received = "";
  let isOver = false;
  let wake = () => {};
  const listen = (to: Socket) => {
    to.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      wake();
    });
    to.on("error", () => undefined);
  };
  listen(socket);
  const ended = new Promise<void>((resolve) => {
    raw.once("close", () => {
      isOver = true;
      wake();
      resolve();
    });
  });

  const reply = async (timeoutMs = 10_000): Promise<string> => {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const whole = /^(?:\d{3}-[^\n]*\r\n)*\d{3}(?: [^\n]*)?\r\n/.exec(received);
      if (whole) {
        received = received.slice(whole[0].length);
        return whole[0].replaceAll("\r\n", "\n").trimEnd();
      }
      if (isOver) return "";
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no reply within ${timeoutMs} ms; so far: ${JSON.stringify(received)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const say = (line: string) => {
    socket.write(`${line}\r\n`);
    return reply();
  };

  return {
    greeting: await reply(),
    say,
    reply,
    ended,
    write: (bytes) => void socket.write(bytes),
    async data(bytes) {
      const ready = await say("DATA");
      if (!ready.startsWith("354")) return ready;
      const stuffed = Buffer.from(bytes).toString("latin1").replace(/^\./gm, "..");
      socket.write(Buffer.from(`${stuffed}${stuffed.endsWith("\r\n") ? "" : "\r\n"}.\r\n`, "latin1"));
      return reply(bodyMsMax);
    },
    async startTls() {
      await say("STARTTLS");
      raw.removeAllListeners("data");
      const secured = connectTls({ socket: raw, rejectUnauthorized: false });
      await once(secured, "secureConnect");
      listen(secured);
      socket = secured;
    },
    destroy: () => raw.destroy(),
  };
}

/** One whole transaction: EHLO, MAIL, RCPT, DATA. Returns the reply to the final dot, or the first refusal. */
export async function smtpSend(port: number, mail: { from?: string; to: string; raw: string | Buffer }): Promise<string> {
  const talk = await smtpTalk(port);
  try {
    for (const line of ["EHLO test.example", `MAIL FROM:<${mail.from ?? ""}>`, `RCPT TO:<${mail.to}>`]) {
      const answer = await talk.say(line);
      if (!answer.startsWith("250")) return answer;
    }
    return await talk.data(mail.raw);
  } finally {
    talk.destroy();
  }
}
