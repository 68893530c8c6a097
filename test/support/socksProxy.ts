// A SOCKS proxy: version 5 (RFC 1928) with or without a login (RFC 1929), and version 4a. CONNECT alone.
import { connect, createServer, type Socket } from "node:net";

export type SocksProxy = {
  readonly port: number;
  /** What it was asked for, in order: `5 host:port` or `4 host:port`. */
  readonly asked: string[];
  stop(): Promise<void>;
};

/**
 * Starts the proxy on a loopback port.
 * @param options.auth what version 5 must log in with
 * @param options.refuse answers every request with this code (RFC 1928, section 6)
 * @param options.silent never answers
 * @param options.together the target's first bytes come in one piece with the answer
 * @param options.resolve names that it knows; others are connected to as they are
 */
export async function startSocksProxy(
  options: {
    auth?: { user: string; pass: string };
    refuse?: number;
    silent?: boolean;
    together?: boolean;
    resolve?: Readonly<Record<string, string>>;
  } = {},
): Promise<SocksProxy> {
  const { auth, refuse, silent = false, together = false, resolve: names = {} } = options;
  const asked: string[] = [];
  const sockets = new Set<Socket>();

  async function serve(client: Socket): Promise<void> {
    const take = byteReader(client);
    if (silent) return;
    const [version] = await take(1);
    const open = (host: string, port: number, answer: (code: number) => Buffer) => {
      asked.push(`${version} ${host}:${port}`);
      if (refuse !== undefined) return void client.end(answer(refuse));
      const target = connect({ host: names[host] ?? host, port });
      sockets.add(target);
      target.on("error", () => client.destroy()).once("close", () => client.destroy());
      client.once("close", () => target.destroy());
      const join = (first: Buffer) => {
        client.write(Buffer.concat([answer(version === 5 ? 0 : 0x5a), first]));
        client.removeAllListeners("data");
        client.pipe(target).pipe(client);
      };
      if (together) target.once("data", join);
      else target.once("connect", () => join(Buffer.alloc(0)));
    };
    const zeroEnded = async () => {
      let text = "";
      for (let [byte] = await take(1); byte !== 0; [byte] = await take(1)) text += String.fromCharCode(byte ?? 0);
      return text;
    };
    if (version === 4) {
      const [, high = 0, low = 0, ...address] = await take(7);
      await zeroEnded();
      // 4a: an address that is none says that a name follows.
      const host = address[0] === 0 && address[3] !== 0 ? await zeroEnded() : address.join(".");
      return open(host, high * 256 + low, (code) => Buffer.from([0, code, 0, 0, 0, 0, 0, 0]));
    }
    const [methods = 0] = await take(1);
    const offered = [...(await take(methods))];
    const wanted = auth ? 2 : 0;
    if (!offered.includes(wanted)) return void client.end(Buffer.from([5, 0xff]));
    client.write(Buffer.from([5, wanted]));
    if (auth) {
      const [, length = 0] = await take(2);
      const user = (await take(length)).toString();
      const pass = (await take((await take(1))[0] ?? 0)).toString();
      const isRight = user === auth.user && pass === auth.pass;
      client.write(Buffer.from([1, isRight ? 0 : 1]));
      if (!isRight) return void client.end();
    }
    const [, , , kind] = await take(4);
    const host =
      kind === 3
        ? (await take((await take(1))[0] ?? 0)).toString()
        : kind === 1
          ? (await take(4)).join(".")
          : ((await take(16)).toString("hex").match(/.{4}/g) ?? []).join(":");
    const [high = 0, low = 0] = await take(2);
    open(host, high * 256 + low, (code) => Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]));
  }

  const server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => {});
    void serve(client);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as { port: number }).port,
    asked,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Takes exactly so many bytes off a socket, when they are there. */
function byteReader(socket: Socket): (count: number) => Promise<Buffer> {
  let buffer = Buffer.alloc(0);
  let wake = () => {};
  socket.on("data", (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk]);
    wake();
  });
  return async (count) => {
    while (buffer.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const taken = buffer.subarray(0, count);
    buffer = buffer.subarray(count);
    return taken;
  };
}
