// An HTTP proxy that takes CONNECT alone, with or without a login of its own, over TCP or TLS.
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type Socket } from "node:net";
import type { Certificate } from "./certificate.ts";

export type ConnectProxy = {
  readonly port: number;
  /** `host:port` of each CONNECT, in order. */
  readonly asked: string[];
  /** The Proxy-Authorization of each, as it came. */
  readonly logins: (string | undefined)[];
  stop(): Promise<void>;
};

/**
 * Starts the proxy on a loopback port.
 * @param options.auth without it: 407
 * @param options.answer a status to refuse everything with, or never an answer
 * @param options.together the target's first bytes come in one piece with the answer to CONNECT
 * @param options.resolve names that it knows; others are connected to as they are
 */
export async function startConnectProxy(
  options: {
    auth?: { user: string; pass: string };
    answer?: number | "none";
    together?: boolean;
    tls?: Certificate;
    resolve?: Readonly<Record<string, string>>;
  } = {},
): Promise<ConnectProxy> {
  const { auth, answer, together = false, tls, resolve: names = {} } = options;
  const asked: string[] = [];
  const logins: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const expected = auth && `Basic ${Buffer.from(`${auth.user}:${auth.pass}`).toString("base64")}`;
  const server: Server = tls ? createTlsServer({ key: tls.key, cert: tls.cert }) : createServer();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("connect", ({ url = "", headers }: IncomingMessage, client: Socket) => {
    asked.push(url);
    logins.push(headers["proxy-authorization"]);
    client.on("error", () => {});
    if (answer === "none") return;
    const status = answer ?? (expected !== undefined && headers["proxy-authorization"] !== expected ? 407 : 200);
    if (status !== 200) {
      client.end(`HTTP/1.1 ${status} No\r\nX-Told: ${headers["proxy-authorization"] ?? ""}\r\nConnection: close\r\n\r\n`);
      return;
    }
    const colon = url.lastIndexOf(":");
    const host = url.slice(0, colon).replace(/^\[|\]$/g, "");
    const target = connect({ host: names[host] ?? host, port: Number(url.slice(colon + 1)) });
    sockets.add(target);
    target.on("error", () => client.destroy()).once("close", () => client.destroy());
    client.once("close", () => target.destroy());
    const established = Buffer.from("HTTP/1.1 200 Connection established\r\n\r\n");
    const join = (first: Buffer) => {
      client.write(Buffer.concat([established, first]));
      client.pipe(target).pipe(client);
    };
    if (together) target.once("data", join);
    else target.once("connect", () => join(Buffer.alloc(0)));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as { port: number }).port,
    asked,
    logins,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
