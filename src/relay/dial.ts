// The way to the relay's socket: addresses of its name, TCP, TLS from the first byte or over a socket that spoke in clear.
import { isIP, isIPv6, type LookupFunction, type Socket, type TcpNetConnectOpts, connect as tcpConnect } from "node:net";
import { type ConnectionOptions, type SecureContext, type TLSSocket, connect as tlsConnect } from "node:tls";
import { dnsCache, resolveHostname } from "nodemailer/lib/shared";
import type { RelayConfig } from "../domain/relay.ts";
import { tlsVersionMin } from "./tlsContext.ts";

type Target = Pick<RelayConfig, "host" | "port" | "tls" | "verifyCertificate" | "tlsOptions" | "auth">;

/** Of a name that has none in time the error is the resolver's. */
export type Addresses = { ok: true; addresses: string[] } | { ok: false; error: NodeJS.ErrnoException };
export type Dialled = { ok: true; socket: Socket } | { ok: false; error: NodeJS.ErrnoException };

/**
 * Resolves the relay's name, of both families as far as this machine has them. What was found is kept for five minutes, and longer while no
 * resolver answers. Never rejects.
 */
export function addressesOf(host: string, timeoutMs: number): Promise<Addresses> {
  return new Promise((resolve) => {
    resolveHostname({ host, timeout: timeoutMs }, (error, found) => {
      if (error) return resolve({ ok: false, error });
      const one = typeof found?.host === "string" ? [found.host] : [];
      resolve({ ok: true, addresses: dnsCache.get(host)?.value.addresses ?? one });
    });
  });
}

/**
 * Connects, to one address after the other, and with `implicit` by TLS. Never rejects; a failure leaves no socket.
 * @param options.timeoutMs for all addresses together: each gets its share. The whole is called off by the signal alone
 */
export function dial(options: {
  target: Target;
  addresses: readonly string[];
  secureContext: SecureContext | undefined;
  timeoutMs: number;
  signal: AbortSignal;
}): Promise<Dialled> {
  const { target, addresses, secureContext, timeoutMs, signal } = options;
  const where = { port: target.port, ...amongAddresses(addresses, timeoutMs) };
  if (target.tls !== "implicit") {
    const socket = tcpConnect(where);
    return connected(socket, "connect", signal);
  }
  return connected(tlsConnect({ ...where, ...tlsSettings(target, secureContext) }), "secureConnect", signal);
}

/** Puts TLS over a connected socket. Never rejects; a failure leaves no socket. */
export function secure(options: {
  socket: Socket;
  target: Target;
  secureContext: SecureContext | undefined;
  signal: AbortSignal;
}): Promise<Dialled> {
  const { socket, target, secureContext, signal } = options;
  const secured = tlsConnect({ socket, host: target.host, ...tlsSettings(target, secureContext) });
  // A fault of the socket below would else be nobody's.
  socket.on("error", (error) => secured.destroy(error));
  return connected(secured, "secureConnect", signal);
}

/** Several addresses are tried by Node in random order, so that connections spread over them, IPv6 first. */
function amongAddresses(addresses: readonly string[], timeoutMs: number): Omit<TcpNetConnectOpts, "port"> {
  const [first] = addresses;
  if (addresses.length < 2) return { ...(first !== undefined && { host: first }) };
  const shuffled = addresses.map((address) => ({ address, at: Math.random() })).sort((one, other) => one.at - other.at);
  const all = shuffled.map(({ address }) => ({ address, family: isIPv6(address) ? 6 : 4 })).sort((one, other) => other.family - one.family);
  const lookup: LookupFunction = (_, __, callback) => setImmediate(() => callback(null, all));
  const isOfOneFamily = all[0]?.family === all.at(-1)?.family;
  return {
    host: "relay",
    autoSelectFamily: true,
    // Of two families the first may not work at all here: that shows soon, and Node's own quarter of a second will do.
    ...(isOfOneFamily && { autoSelectFamilyAttemptTimeout: Math.max(Math.floor(timeoutMs / all.length), 10) }),
    lookup,
  };
}

function tlsSettings(
  { host, tls, verifyCertificate, tlsOptions, auth }: Target,
  secureContext: SecureContext | undefined,
): ConnectionOptions {
  const name = tlsOptions?.serverName ?? host;
  return {
    minVersion: tlsVersionMin,
    // SNI takes no addresses (RFC 6066, section 3); the certificate is then checked against the host.
    ...(tlsOptions?.serverName === undefined && isIP(host) !== 0 ? {} : { servername: name }),
    // Encryption to whomever is all that `opportunistic` promises (RFC 7435); but a password goes only to the right one.
    rejectUnauthorized: verifyCertificate && (tls !== "opportunistic" || auth !== undefined),
    ...(secureContext ? { secureContext } : {}),
  };
}

function connected(socket: Socket | TLSSocket, event: "connect" | "secureConnect", signal: AbortSignal): Promise<Dialled> {
  return new Promise((resolve) => {
    const settle = (error: Error | undefined) => {
      signal.removeEventListener("abort", callOff);
      socket.off("close", onClose).off(event, onConnected);
      // The one who takes it has listeners of its own; until then, and of one that failed, faults are nobody's.
      if (error) socket.destroy();
      resolve(error ? { ok: false, error } : { ok: true, socket });
    };
    const callOff = () => settle(new Error("it was called off"));
    const onClose = () => settle(new Error("the relay closed the connection"));
    const onConnected = () => settle(undefined);
    socket.on("error", settle).once("close", onClose).once(event, onConnected);
    if (signal.aborted) callOff();
    else signal.addEventListener("abort", callOff, { once: true });
  });
}
