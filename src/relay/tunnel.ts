// The way through a proxy: a socket that reaches the relay, by HTTP CONNECT (RFC 9110, section 9.3.6) or SOCKS (RFC 1928).
import { type ClientRequest, request as httpRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect as connectTcp, isIPv6, type Socket } from "node:net";
import { SocksClient } from "socks";
import type { RelayProxy } from "../domain/relay.ts";
import { spokenDuration } from "./deadline.ts";

export type Tunnel = { ok: true; socket: Socket } | { ok: false; text: string };

/**
 * Asks a proxy for a connection to a host, whose name it resolves itself.
 * @param options.signal calls it off
 * @returns a paused socket that has lost nothing of what came behind the proxy's answer; or in words, without credentials, why there is none. Never rejects
 */
export async function openTunnel(options: {
  proxy: RelayProxy;
  host: string;
  port: number;
  timeoutMs: number;
  signal: AbortSignal;
}): Promise<Tunnel> {
  const { proxy, host, port, timeoutMs } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([options.signal, timeout]);
  const by = proxy.kind === "http" || proxy.kind === "https" ? throughHttp : throughSocks;
  try {
    return { ok: true, socket: await by({ proxy, host, port, signal }) };
  } catch (error) {
    const where = `the proxy ${proxy.host}:${proxy.port}`;
    const what = timeout.aborted ? `it was not done within ${spokenDuration(timeoutMs)}` : (error as Error).message || "no reason is known";
    return { ok: false, text: `No way to ${host}:${port} through ${where}: ${what}.` };
  }
}

type Wanted = { proxy: RelayProxy; host: string; port: number; signal: AbortSignal };

const connectAnswers: Readonly<Record<number, string>> = {
  403: "it does not allow that host and port; proxies often allow 443 alone",
  405: "it does not take CONNECT: it may be no proxy",
  407: "it wants another login: check the user and password in the proxy's URL",
};

function throughHttp({ proxy, host, port, signal }: Wanted): Promise<Socket> {
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const { user, pass } = proxy.auth ?? {};
  const login = user === undefined ? {} : { "Proxy-Authorization": `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}` };
  const options: RequestOptions = {
    ...{ host: proxy.host, port: proxy.port, method: "CONNECT", path: authority, agent: false, signal },
    headers: { Host: authority, ...login },
  };
  return new Promise((resolve, reject) => {
    const request: ClientRequest = (proxy.kind === "https" ? httpsRequest : httpRequest)(options);
    request.once("connect", ({ statusCode = 0 }, socket: Socket, head) => {
      if (statusCode >= 200 && statusCode < 300) return resolve(paused(socket, [head]));
      socket.destroy();
      reject(new Error(connectAnswers[statusCode] ?? `it answered CONNECT with ${statusCode}`));
    });
    request.once("error", reject);
    request.end();
  });
}

async function throughSocks({ proxy, host, port, signal }: Wanted): Promise<Socket> {
  const { user, pass } = proxy.auth ?? {};
  const socket = connectTcp({ host: proxy.host, port: proxy.port });
  const abandon = () => void socket.destroy();
  signal.addEventListener("abort", abandon, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
      socket.once("close", () => reject(new Error("the connection to it was closed")));
    });
    await SocksClient.createConnection({
      proxy: {
        ...{ host: proxy.host, port: proxy.port, type: proxy.kind === "socks4" ? 4 : 5 },
        ...(user !== undefined && { userId: user, password: pass ?? "" }),
      },
      command: "connect",
      destination: { host, port },
      existing_socket: socket,
    });
    return await withExcess(socket);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", abandon);
  }
}

/** The library gives what the proxy sent behind its answer, such as the relay's greeting, to whoever listens in the next turn of the event loop. */
async function withExcess(socket: Socket): Promise<Socket> {
  const excess: Buffer[] = [];
  const collect = (chunk: Buffer) => void excess.push(chunk);
  socket.on("data", collect);
  await new Promise((resolve) => setImmediate(resolve));
  socket.removeListener("data", collect);
  return paused(socket, excess);
}

/** Until somebody reads it, the socket keeps what there is, and its faults are nobody's. */
function paused(socket: Socket, excess: readonly Buffer[]): Socket {
  socket.pause();
  const bytes = Buffer.concat(excess);
  if (bytes.length > 0) socket.unshift(bytes);
  return socket;
}
