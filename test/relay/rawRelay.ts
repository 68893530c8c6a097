// An SMTP server whose every byte and pause is the test's: for relays that break off, fall silent, trickle, or talk nonsense.
import { createServer, type Socket } from "node:net";
import { resetSocket } from "../support/resetSocket.ts";
import { type SmtpReader, smtpReader } from "../support/smtpReader.ts";

export type RawClient = {
  /** 1, 2, … in the order of arrival. */
  readonly number: number;
  readonly socket: Socket;
  readonly reader: SmtpReader;
  /** Command lines so far. */
  readonly lines: string[];
  /** Recipients that it answered 2xx, after a sender that it answered 2xx, since the last MAIL. */
  accepted: number;
  /** Writes as it is. */
  write(text: string): void;
  /** A TCP reset. */
  cut(): void;
};

/** A reply without its line end, or what to do instead; `undefined` from a function: it has seen to it, and the dialogue goes on. */
export type Answer = string | ((client: RawClient, line: string) => string | undefined | Promise<string | undefined>);

export type Answers = Partial<
  Record<"connect" | "EHLO" | "MAIL" | "RCPT" | "DATA" | "dot" | "RSET" | "QUIT" | "AUTH" | "STARTTLS", Answer>
>;

export type RawRelay = {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly clients: RawClient[];
  openMax(): number;
  open(): number;
  stop(): Promise<void>;
};

/** Starts the server. `answers` may differ from one connection to the next. */
export async function startRawRelay(answers: Answers | ((number: number) => Answers)): Promise<RawRelay> {
  const clients: RawClient[] = [];
  const open = new Set<Socket>();
  let openMax = 0;
  const server = createServer({ noDelay: true, allowHalfOpen: false }, (socket) => {
    open.add(socket);
    openMax = Math.max(openMax, open.size);
    socket.once("close", () => open.delete(socket));
    const client: RawClient = {
      number: clients.length + 1,
      socket,
      reader: smtpReader(socket),
      lines: [],
      accepted: 0,
      write: (text) => void (socket.destroyed || socket.write(text)),
      cut: () => resetSocket(socket),
    };
    clients.push(client);
    void converse(client, typeof answers === "function" ? answers(client.number) : answers);
  });
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve));
  return {
    host: "127.0.0.1",
    port: (server.address() as { port: number }).port,
    clients,
    openMax: () => openMax,
    open: () => open.size,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

const usual = {
  connect: "220 raw.test ESMTP",
  EHLO: "250-raw.test\r\n250-PIPELINING\r\n250 8BITMIME",
  MAIL: "250 2.1.0 ok",
  RCPT: "250 2.1.5 ok",
  DATA: "354 go ahead",
  dot: "250 2.0.0 queued as 1",
  RSET: "250 2.0.0 ok",
  QUIT: "221 2.0.0 bye",
};

async function converse(client: RawClient, answers: Answers): Promise<void> {
  const answer = async (point: keyof Answers, line = "") => {
    const given = answers[point] ?? usual[point as keyof typeof usual] ?? "500 5.5.1 unknown";
    const reply = typeof given === "string" ? given : await given(client, line);
    if (reply === undefined) return "";
    client.write(`${reply}\r\n`);
    return reply;
  };
  let hasSender = false;
  await answer("connect");
  for (let line = await client.reader.line(); line !== undefined; line = await client.reader.line()) {
    client.lines.push(line);
    const verb = (line.split(/[ :]/, 1)[0] ?? "").toUpperCase() as keyof Answers;
    const reply = await answer(verb, line);
    if (verb === "MAIL") {
      client.accepted = 0;
      hasSender = reply.startsWith("2");
    }
    if (verb === "RCPT" && hasSender && reply.startsWith("2")) client.accepted++;
    if (verb === "DATA" && reply.startsWith("3")) {
      if ((await client.reader.data()) === undefined) return;
      client.lines.push(".");
      await answer("dot");
    }
    if (verb === "QUIT") client.socket.end();
  }
}

/** Says nothing, ever. */
export const stall: Answer = () => new Promise(() => {});
/** Resets the connection. */
export const cut: Answer = (client) => {
  client.cut();
  return undefined;
};
/** Closes the connection in order. */
export const hangUp: Answer = (client) => {
  client.socket.end();
  return undefined;
};
/** One byte after the other of a reply that never ends, line for line. */
export const trickle: Answer = (client) => {
  const line = "250-still\r\n";
  let sent = 0;
  const timer = setInterval(() => client.write(line.charAt(sent++ % line.length)), 5);
  client.socket.once("close", () => clearInterval(timer));
  return new Promise(() => {});
};
/** Says 421 and closes. */
export const leave421: Answer = (client) => {
  client.write("421 4.3.2 going down\r\n");
  client.socket.end();
  return undefined;
};
