// A TCP proxy between two parts of the system, to break what lies between them: cut, silent, refusing, or losing the replies.
import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "./freePort.ts";
import { resetSocket } from "./resetSocket.ts";

export type TcpProxy = {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** Resets every open connection on both sides. New ones are served. */
  cut(): void;
  /** Passes nothing on, and takes new connections without serving them. Nothing is lost: resume() passes on what waits. */
  pause(): void;
  /** As pause(), but only towards the target: its replies still come. What was not answered by then has not reached it. */
  holdRequests(): void;
  resume(): void;
  /** New connections are refused (ECONNREFUSED); open ones stay. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  /** Connections from now on go to another server on this machine; open ones stay. */
  retarget(port: number): void;
  /**
   * Once a client's bytes contain the pattern, they still reach the target, but nothing that the target says from then on
   * reaches that client: the work is done and the answer is lost.
   * @param options.cutAtReply resets the client's connection when the first lost reply arrives, in place of silence
   * @param options.times on how many connections, default on all
   * @returns `seen()`: on how many connections the pattern came; `clear()`: later connections are left alone
   */
  dropRepliesAfter(pattern: string, options?: { cutAtReply?: boolean; times?: number }): { seen(): number; clear(): void };
  /** Once a client's bytes contain the pattern, neither they nor what that client says from then on reaches the target: no work, no answer. */
  dropRequestsFrom(pattern: string, options?: { times?: number }): { seen(): number; clear(): void };
  /** Passed on so far, over all connections. */
  readonly bytes: { toTarget: number; fromTarget: number };
  openConnections(): number;
  /** All connections ever taken. */
  connectionsTaken(): number;
  stop(): Promise<void>;
};

type Rule = { pattern: Buffer; loses: "requests" | "replies"; cutAtReply: boolean; left: number; seen: number };
type Pair = { client: Socket; target: Socket | undefined; lostBy: Rule | undefined; tail: Buffer };

/** Starts the proxy on a loopback port below the range of outgoing connections, so that it can refuse and come back on it. */
export async function startProxy(options: { target: { host?: string; port: number } }): Promise<TcpProxy> {
  const { host: targetHost = "127.0.0.1" } = options.target;
  let targetPort = options.target.port;
  const pairs = new Set<Pair>();
  let rules: Rule[] = [];
  const bytes = { toTarget: 0, fromTarget: 0 };
  let held: "nothing" | "requests" | "everything" = "nothing";
  let taken = 0;

  const addRule = (options: Pick<Rule, "loses" | "cutAtReply"> & { pattern: string; times: number | undefined }) => {
    const { pattern, times = Number.POSITIVE_INFINITY, ...kind } = options;
    const rule: Rule = { ...kind, pattern: Buffer.from(pattern), left: times, seen: 0 };
    rules.push(rule);
    return {
      seen: () => rule.seen,
      clear: () => {
        rules = rules.filter((other) => other !== rule);
      },
    };
  };

  const end = (pair: Pair, how: "reset" | "close") => {
    pairs.delete(pair);
    for (const socket of [pair.client, pair.target]) {
      if (how === "reset") resetSocket(socket);
      else socket?.destroy();
    }
  };

  /** Looks for the rules' patterns in what a client said, also across chunks. */
  const watch = (pair: Pair, chunk: Buffer) => {
    if (pair.lostBy || rules.length === 0) return;
    const window = Buffer.concat([pair.tail, chunk]);
    const rule = rules.find(({ pattern, left }) => left > 0 && window.includes(pattern));
    if (rule) {
      rule.left -= 1;
      rule.seen += 1;
      pair.lostBy = rule;
    }
    const longest = Math.max(...rules.map(({ pattern }) => pattern.length));
    pair.tail = Buffer.from(window.subarray(Math.max(0, window.length - longest + 1)));
  };

  const join = (pair: Pair) => {
    const { client } = pair;
    const target = connect({ host: targetHost, port: targetPort, noDelay: true, allowHalfOpen: true });
    pair.target = target;
    target.on("error", () => end(pair, "reset"));
    client.on("data", (chunk: Buffer) => {
      watch(pair, chunk);
      if (pair.lostBy?.loses === "requests") return;
      bytes.toTarget += chunk.length;
      if (!target.write(chunk)) client.pause();
    });
    target.on("data", (chunk: Buffer) => {
      if (pair.lostBy?.cutAtReply) end(pair, "reset");
      if (pair.lostBy) return;
      bytes.fromTarget += chunk.length;
      if (!client.write(chunk)) target.pause();
    });
    target.on("drain", () => held === "nothing" && client.resume());
    client.on("drain", () => held !== "everything" && target.resume());
    if (held === "requests") client.pause();
    client.on("end", () => (pair.lostBy ? end(pair, "close") : target.end()));
    target.on("end", () => pair.lostBy || client.end());
    for (const socket of [client, target]) {
      socket.on("close", () => {
        if (client.destroyed && target.destroyed) pairs.delete(pair);
      });
    }
  };

  const listen = async (port: number): Promise<Server> => {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
      taken += 1;
      const pair: Pair = { client, target: undefined, lostBy: undefined, tail: Buffer.alloc(0) };
      pairs.add(pair);
      client.on("error", () => end(pair, "reset"));
      if (held === "everything") client.pause();
      else join(pair);
    });
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen({ host: "127.0.0.1", port }, resolve));
    return server;
  };

  const port = await freePort();
  let server: Server | undefined = await listen(port);
  const cut = () => {
    for (const pair of [...pairs]) end(pair, "reset");
  };
  return {
    host: "127.0.0.1",
    port,
    cut,
    pause() {
      held = "everything";
      for (const { client, target } of pairs) for (const socket of [client, target]) socket?.pause();
    },
    holdRequests() {
      held = "requests";
      for (const { client } of pairs) client.pause();
    },
    resume() {
      held = "nothing";
      for (const pair of pairs) {
        if (!pair.target) join(pair);
        for (const socket of [pair.client, pair.target]) socket?.resume();
      }
    },
    async refuse() {
      // Closing stops the listening at once; its callback would wait for the open connections.
      server?.close();
      server = undefined;
    },
    async accept() {
      server ??= await listen(port);
    },
    retarget(otherPort) {
      targetPort = otherPort;
    },
    dropRepliesAfter: (pattern, { cutAtReply = false, times } = {}) => addRule({ pattern, loses: "replies", cutAtReply, times }),
    dropRequestsFrom: (pattern, { times } = {}) => addRule({ pattern, loses: "requests", cutAtReply: false, times }),
    bytes,
    openConnections: () => pairs.size,
    connectionsTaken: () => taken,
    async stop() {
      server?.close();
      cut();
    },
  };
}
