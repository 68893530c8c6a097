// One connection of the scripted relay: what it answers to each command, and where a test's script may step in.
import type { Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import type { Certificate } from "./certificate.ts";
import { headerOf } from "./mailHeader.ts";
import { resetSocket } from "./resetSocket.ts";
import { type SmtpReader, smtpReader } from "./smtpReader.ts";

/**
 * What to do at one point of the dialogue. A plain string is the reply, without its line end (`450 4.2.2 full`; the lines of a long
 * one are joined by CRLF). After a 421 the connection is closed (RFC 5321 section 3.8).
 */
export type Step =
  | string
  | {
      /** Default: the usual positive reply. */
      reply?: string;
      /** Waits so long before it replies, cuts or hangs. */
      delayMs?: number;
      /** Waits for this before it does: a test holds what is under way until it has seen what it wants to. */
      until?: Promise<unknown>;
      /** Ends the connection without a reply: a TCP reset, or under TLS a close without farewell. */
      cut?: boolean;
      /** Never replies, and keeps the connection open. */
      hang?: boolean;
      /** At the final dot: whether the mail counts as accepted. Default: when the reply is 2xx, and comes. */
      store?: boolean;
    };

export type RelayedMail = { from: string; to: string[]; raw: Buffer };

export type RelayConnection = {
  /** 1, 2, … in the order of arrival. */
  number: number;
  openedAt: number;
  closedAt?: number;
  secure: boolean;
  user?: string;
  /** Command lines as they came, AUTH without its credentials. */
  commands: string[];
};

/** Every handler may return nothing: then the server does what a friendly one would. */
export type Script = {
  /** In place of the greeting. */
  onConnect?: (connection: RelayConnection) => Step | undefined;
  /** Any command, before everything else; a step here also keeps the command from taking effect. The verb is in capitals. */
  onCommand?: (command: { verb: string; line: string; connection: RelayConnection }) => Step | undefined;
  /** `attempt`: how many times this address was named in RCPT, 1 for the first. A recipient that is not answered 2xx gets no mail. */
  onRcpt?: (recipient: { address: string; attempt: number; connection: RelayConnection }) => Step | undefined;
  /** After DATA was answered 354: a number cuts the connection once so many bytes of the body have come. */
  onBody?: (mail: { from: string; to: string[]; connection: RelayConnection }) => number | undefined;
  /** At the final dot: the mail is all there. `attempt`: how many dots came for its Message-ID (or its bytes), 1 for the first. */
  onData?: (mail: RelayedMail & { attempt: number; connection: RelayConnection }) => Step | undefined;
};

/** Talks to one client until either side ends the connection. */
export async function converse(options: {
  socket: Socket;
  connection: RelayConnection;
  script: Script;
  extensions: string[];
  auth: { user: string; pass: string } | undefined;
  tls: { certificate: Certificate; implicit: boolean } | undefined;
  accept: (mail: RelayedMail) => void;
  /** Counts one more attempt of this subject and returns how many there were. */
  countAttempt: (subject: string) => number;
}): Promise<void> {
  const { connection, script, extensions, auth, tls, accept, countAttempt } = options;
  let socket: Socket = options.socket;
  socket.on("error", () => {});
  const secure = () => {
    if (tls) socket = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(tls.certificate) });
    connection.secure = true;
  };
  if (tls?.implicit) secure();
  let reader: SmtpReader = smtpReader(socket);
  let mail: { from: string; to: string[] } | undefined;

  /** Does the step; false when that was the end of the conversation. */
  const take = async (step: Step | undefined, usual: string): Promise<boolean> => {
    const { reply = usual, delayMs = 0, until, cut = false, hang = false } = inFull(step);
    await until;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
    if (cut) connection.secure ? socket.destroy() : resetSocket(socket);
    if (cut || hang || socket.destroyed) return false;
    const isLast = reply.startsWith("421") || reply.startsWith("221");
    if (isLast) socket.end(`${reply}\r\n`);
    else socket.write(`${reply}\r\n`);
    return !isLast;
  };

  const recipient = (address: string): Promise<boolean> => {
    const step = script.onRcpt?.({ address, attempt: countAttempt(`rcpt ${address}`), connection });
    const { reply = "250 2.1.5 ok" } = inFull(step);
    if (reply.startsWith("2")) mail?.to.push(address);
    return take(step, reply);
  };

  const data = async (envelope: { from: string; to: string[] }): Promise<boolean> => {
    await take(undefined, "354 go ahead");
    const cutAfterBytes = script.onBody?.({ ...envelope, connection });
    if (cutAfterBytes !== undefined) {
      await reader.atLeast(cutAfterBytes);
      return take({ cut: true }, "");
    }
    const raw = await reader.data();
    if (raw === undefined) return false;
    mail = undefined;
    const attempt = countAttempt(`dot ${headerOf(raw, "message-id") ?? raw.toString("latin1")}`);
    const step = script.onData?.({ ...envelope, raw, attempt, connection });
    const { reply = "250 2.0.0 accepted", cut = false, hang = false, store } = inFull(step);
    if (store ?? (reply.startsWith("2") && !cut && !hang)) accept({ ...envelope, raw });
    return take(step, reply);
  };

  const login = async (line: string): Promise<boolean> => {
    const [, mechanism = "", initial] = line.split(" ");
    const ask = async (prompt: string) => {
      await take(undefined, `334 ${prompt}`);
      return reader.line();
    };
    const decoded = (text: string | undefined) => Buffer.from(text ?? "", "base64").toString("utf8");
    let [user, pass] = ["", ""];
    if (mechanism.toUpperCase() === "PLAIN") {
      [, user = "", pass = ""] = decoded(initial ?? (await ask(""))).split("\0");
    } else {
      user = decoded(initial ?? (await ask("VXNlcm5hbWU6")));
      pass = decoded(await ask("UGFzc3dvcmQ6"));
    }
    if (user !== auth?.user || pass !== auth.pass) return take(undefined, "535 5.7.8 authentication credentials invalid");
    connection.user = user;
    return take(undefined, "235 2.7.0 authenticated");
  };

  const obey = async (verb: string, line: string): Promise<boolean> => {
    switch (verb) {
      case "EHLO": {
        const offered = ["relay.test", ...extensions];
        if (tls && !connection.secure) offered.push("STARTTLS");
        if (auth) offered.push("AUTH PLAIN LOGIN");
        return take(undefined, offered.map((text, index) => `250${index < offered.length - 1 ? "-" : " "}${text}`).join("\r\n"));
      }
      case "STARTTLS":
        if (!tls || connection.secure) return take(undefined, "503 5.5.1 not offered");
        await take(undefined, "220 2.0.0 ready");
        reader.release();
        secure();
        reader = smtpReader(socket);
        return true;
      case "AUTH":
        return auth ? login(line) : take(undefined, "503 5.5.1 not offered");
      case "MAIL":
        if (auth && connection.user === undefined) return take(undefined, "530 5.7.0 authentication required");
        mail = { from: addressIn(line), to: [] };
        return take(undefined, "250 2.1.0 ok");
      case "RCPT":
        return mail ? recipient(addressIn(line)) : take(undefined, "503 5.5.1 MAIL first");
      case "DATA":
        return mail && mail.to.length > 0 ? data(mail) : take(undefined, "554 5.5.1 no valid recipients");
      case "RSET":
        mail = undefined;
        return take(undefined, "250 2.0.0 ok");
      case "HELO":
      case "NOOP":
        return take(undefined, "250 2.0.0 ok");
      case "QUIT":
        return take(undefined, "221 2.0.0 bye");
      default:
        return take(undefined, "500 5.5.1 unknown command");
    }
  };

  let goesOn = await take(script.onConnect?.(connection), "220 relay.test ESMTP");
  while (goesOn) {
    const line = await reader.line();
    if (line === undefined) break;
    const verb = (line.split(" ", 1)[0] ?? "").toUpperCase();
    connection.commands.push(verb === "AUTH" ? line.split(" ", 2).join(" ") : line);
    const step = script.onCommand?.({ verb, line, connection });
    goesOn = await (step === undefined ? obey(verb, line) : take(step, "250 2.0.0 ok"));
  }
  // The client has ended its side and awaits the end of ours.
  if (goesOn) socket.end();
}

function inFull(step: Step | undefined): Exclude<Step, string> {
  return typeof step === "string" ? { reply: step } : (step ?? {});
}

/** The address of a MAIL or RCPT line, without its angle brackets. */
function addressIn(line: string): string {
  return /:\s*<((?:"(?:\\.|[^"\\])*"|[^">])*)>/.exec(line)?.[1] ?? "";
}
