// Tries a relay as a worker would, up to the login, and sends nothing; where that fails, a second look tells what stands behind it.
import type { Socket } from "node:net";
import { connect as connectTcp } from "node:net";
import { connect as connectTls, type PeerCertificate, TLSSocket } from "node:tls";
import type { ConnectionFacts, RelayConfig, RelayFault, Timeouts } from "../domain/relay.ts";
import { connect } from "./connect.ts";
import type { Features } from "./features.ts";
import { tlsContextOf } from "./tlsContext.ts";
import { createTokenSource, type TokenShelf } from "./tokens.ts";

/** The certificate that a relay showed. Times in ms since the epoch. */
export type RelayCertificate = {
  /** Host names that it is for. */
  names: string[];
  issuer: string;
  validFrom: number;
  validTo: number;
  /** Why it is not trusted: a code of OpenSSL's or Node's; undefined if it is. */
  fault: string | undefined;
};

export type RelayProbe =
  | { ok: true; features: Features; facts: Omit<ConnectionFacts, "reused">; certificate: RelayCertificate | undefined; durationMs: number }
  | { ok: false; fault: RelayFault; certificate: RelayCertificate | undefined };

/**
 * Opens a session (TLS as configured, EHLO, login), and ends it by QUIT. No mail is begun. Never rejects for what the relay does.
 * @param options.tokenShelf where the fleet keeps this relay's tokens; only with it are tokens asked for that may be replaced
 * @throws Error if a certificate or a key of the TLS options cannot be read
 */
export async function probeRelay(options: {
  config: RelayConfig;
  timeouts: Timeouts;
  tokenShelf?: TokenShelf | undefined;
}): Promise<RelayProbe> {
  const { config, timeouts, tokenShelf: shelf } = options;
  const { auth, proxy, tlsOptions } = config;
  const secureContext = tlsOptions && tlsContextOf(tlsOptions);
  const tokens =
    auth?.token && createTokenSource({ grant: auth.token, ask: { user: auth.user, proxy, timeoutMs: timeouts.connect }, shelf });
  const began = performance.now();
  const { connection, ready } = connect({ config, timeouts, secureContext, tokens });
  const gone = new Promise<void>((resolve) => {
    connection.onGone = resolve;
  });
  const fault = await ready;
  if (fault) return { ok: false, fault, certificate: /certificate/.test(fault.text) ? await certificateBehind(options) : undefined };
  const durationMs = performance.now() - began;
  const { features, facts, socket } = connection;
  const certificate = certificateOf(socket);
  connection.quit(timeouts.connect);
  await gone;
  return { ok: true, features, facts, certificate, durationMs };
}

/** The certificate of a relay that could not be talked to: whether we trust it or not, and without a login. */
async function certificateBehind({ config, timeouts }: { config: RelayConfig; timeouts: Timeouts }): Promise<RelayCertificate | undefined> {
  if (config.tls === "none") return undefined;
  const { auth: _auth, ...rest } = config;
  const secureContext = config.tlsOptions && tlsContextOf(config.tlsOptions);
  const { connection, ready } = connect({ config: { ...rest, verifyCertificate: false }, timeouts, secureContext });
  if (await ready) return undefined;
  const certificate = certificateOf(connection.socket);
  connection.quit(timeouts.connect);
  return certificate;
}

function certificateOf(socket: Socket): RelayCertificate | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate: PeerCertificate = socket.getPeerCertificate();
  if (!certificate.valid_to) return undefined;
  const { authorizationError } = socket as { authorizationError?: Error | string | null };
  const alternatives = certificate.subjectaltname?.split(", ").map((name) => name.replace(/^(?:DNS|IP Address):/, ""));
  const first = (name: string | string[] | undefined) => [name].flat()[0];
  return {
    names: alternatives ?? [first(certificate.subject?.CN) ?? ""],
    issuer: first(certificate.issuer?.O) ?? first(certificate.issuer?.CN) ?? "",
    validFrom: Date.parse(certificate.valid_from),
    validTo: Date.parse(certificate.valid_to),
    fault: authorizationError ? codeOf(authorizationError) : undefined,
  };
}

function codeOf(error: Error | string): string {
  return typeof error === "string" ? error : String((error as NodeJS.ErrnoException).code ?? error.message);
}

/** What a port speaks first: SMTP in clear, TLS, something else, nothing at all within the time, or it takes no connection. */
export type Spoken = "smtp" | "tls" | "other" | "silent" | "closed";

/** Finds out what a port speaks: listens for a greeting, and if none comes, begins a TLS handshake. Never rejects. */
export async function whatSpeaks({ host, port, timeoutMs }: { host: string; port: number; timeoutMs: number }): Promise<Spoken> {
  const plain = await firstWords(connectTcp({ host, port }), timeoutMs);
  if (plain === undefined) return "closed";
  // Some wait for the client's first bytes, and so does a server that expects TLS.
  if (plain !== "") return /^220[ -]/.test(plain) ? "smtp" : "other";
  return (await handshakes({ host, port, timeoutMs })) ? "tls" : "silent";
}

/** What comes first, empty if nothing does; undefined without a connection. */
function firstWords(socket: Socket, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let connected = false;
    const settle = (words: string | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(words);
    };
    const timer = setTimeout(() => settle(connected ? "" : undefined), timeoutMs);
    socket.once("connect", () => {
      connected = true;
    });
    socket.once("data", (chunk: Buffer) => settle(chunk.toString("latin1")));
    socket.once("end", () => settle(connected ? "" : undefined));
    socket.once("error", () => settle(connected ? "" : undefined));
  });
}

function handshakes({ host, port, timeoutMs }: { host: string; port: number; timeoutMs: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTls({ host, port, rejectUnauthorized: false });
    const settle = (done: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(done);
    };
    const timer = setTimeout(() => settle(false), timeoutMs);
    socket.once("secureConnect", () => settle(true));
    socket.once("error", () => settle(false));
    socket.once("end", () => settle(false));
  });
}
