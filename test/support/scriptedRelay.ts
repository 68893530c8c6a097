// An SMTP server that answers as a test tells it: per recipient and attempt, late, not at all, or by cutting the connection
// before or after it has taken the mail. It keeps everything it accepted and every connection that it saw.
import { createServer, type Socket } from "node:net";
import { type Certificate, selfSignedCertificate } from "./certificate.ts";
import { converse, type RelayConnection, type RelayedMail, type Script } from "./scriptedDialogue.ts";

export type { RelayConnection, RelayedMail, Script, Step } from "./scriptedDialogue.ts";

export type ScriptedRelay = {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** `smtp://…` or, with implicit TLS, `smtps://…`, with the credentials that `auth` asks for. */
  readonly url: string;
  /** Set with `starttls` or `implicitTls`. */
  readonly certificate: Certificate | undefined;
  /** `at`: when it was accepted, in milliseconds since the epoch; `connection`: the number of the one that brought it. */
  readonly accepted: (RelayedMail & { at: number; connection: number })[];
  readonly connections: RelayConnection[];
  /** The most connections that were ever open at once. */
  connectionsMax(): number;
  /** Closes every open connection at once. */
  closeConnections(): void;
  stop(): Promise<void>;
};

/**
 * Starts the server on a loopback port.
 * @param options.starttls offers STARTTLS with a self-signed certificate
 * @param options.implicitTls TLS from the first byte
 * @param options.certificate for TLS, in place of a self-signed one of the relay's own; read anew for every connection, and not removed
 * @param options.auth offers AUTH PLAIN and LOGIN and refuses MAIL without it (530 5.7.0)
 * @param options.extensions the EHLO lines besides STARTTLS and AUTH
 * @param options.port default any free one; give the port of a stopped relay to start it again there
 */
export async function startScriptedRelay(
  options: Script & {
    starttls?: boolean;
    implicitTls?: boolean;
    certificate?: Certificate;
    auth?: { user: string; pass: string };
    extensions?: string[];
    port?: number;
  } = {},
): Promise<ScriptedRelay> {
  const { starttls = false, implicitTls = false, auth, port: wishedPort = 0, ...script } = options;
  const extensions = options.extensions ?? ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "SIZE 52428800"];
  const certificate = starttls || implicitTls ? (options.certificate ?? (await selfSignedCertificate())) : undefined;
  const accepted: ScriptedRelay["accepted"] = [];
  const connections: RelayConnection[] = [];
  const sockets = new Set<Socket>();
  const attempts = new Map<string, number>();
  let openMax = 0;

  const server = createServer({ noDelay: true }, (socket) => {
    const connection: RelayConnection = { number: connections.length + 1, openedAt: Date.now(), secure: false, commands: [] };
    connections.push(connection);
    sockets.add(socket);
    openMax = Math.max(openMax, sockets.size);
    socket.once("close", () => {
      sockets.delete(socket);
      connection.closedAt = Date.now();
    });
    void converse({
      socket,
      connection,
      script,
      extensions,
      auth,
      tls: certificate && { certificate, implicit: implicitTls },
      accept: (mail) => accepted.push({ ...mail, at: Date.now(), connection: connection.number }),
      countAttempt: (subject) => {
        attempts.set(subject, (attempts.get(subject) ?? 0) + 1);
        return attempts.get(subject) as number;
      },
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen({ host: "127.0.0.1", port: wishedPort }, resolve);
  });
  const { port } = server.address() as { port: number };
  const login = auth ? `${encodeURIComponent(auth.user)}:${encodeURIComponent(auth.pass)}@` : "";
  const closeConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    host: "127.0.0.1",
    port,
    url: `${implicitTls ? "smtps" : "smtp"}://${login}127.0.0.1:${port}`,
    certificate,
    accepted,
    connections,
    connectionsMax: () => openMax,
    closeConnections,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      closeConnections();
      await closed;
      if (!options.certificate) await certificate?.remove();
    },
  };
}
