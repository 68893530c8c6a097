// A real Redis for tests: append-only file, every write synced, on a loopback port.
import { connect } from "node:net";
import { after } from "node:test";
import { freePort } from "./freePort.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import { findRedisServer } from "./redisProgram.ts";
import { temporaryFolder } from "./temporaryFolder.ts";
import { waitFor } from "./waitFor.ts";

export type TestRedis = {
  /** `redis://127.0.0.1:PORT`, database 0. */
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  readonly dir: string;
  /** The url of a database of this server that was never handed out before: an empty one for each test, at no cost. */
  freshUrl(): string;
  /** Sends one command by itself, outside the code under test; arguments must hold no space. Returns the raw first line of the reply. */
  command(...words: string[]): Promise<string>;
  /** Resolves when the process has ended; at once for SIGSTOP and SIGCONT. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port and folder; a running one is ended by SIGTERM first. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

const databases = 4_096;

/**
 * Starts a Redis server and waits until it answers.
 * @param options.appendfsync default `always`
 * @param options.maxmemory like `64mb`; the policy is `noeviction`
 * @param options.port default any free one
 * @param options.dir keeps the data there, and stop() leaves it; default a temporary folder
 * @param options.args more `--option`, `value` pairs
 */
export async function startRedis(
  options: { appendfsync?: "always" | "everysec" | "no"; maxmemory?: string; port?: number; dir?: string; args?: string[] } = {},
): Promise<TestRedis> {
  const { appendfsync = "always", maxmemory = "0", args = [] } = options;
  const command = await findRedisServer();
  const folder = options.dir === undefined ? await temporaryFolder({ name: "redis" }) : undefined;
  const dir = options.dir ?? (folder?.path as string);

  const port = options.port ?? (await freePort());
  const fixed = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--databases", String(databases), "--save", ""];
  const durable = ["--appendonly", "yes", "--appendfsync", appendfsync, "--auto-aof-rewrite-min-size", "1gb"];
  const memory = ["--maxmemory", maxmemory, "--maxmemory-policy", "noeviction"];

  const launch = async (): Promise<RunningProcess> => {
    const launched = await startProcess({
      command,
      args: [...fixed, ...durable, ...memory, ...args],
      env: { PATH: "/usr/bin:/bin" },
      ...(folder && { removeOnDeath: folder.path }),
    });
    // After a long soak, on a busy machine, it reads its file for minutes.
    const answers = async () => launched.exitStatus() !== undefined || (await sendCommand(port, ["PING"])) === "+PONG";
    const answered = await waitFor(answers, { what: "Redis to answer", timeoutMs: 120_000 }).catch(() => false);
    if (answered && !launched.exitStatus()) return launched;
    await launched.stop();
    await folder?.remove();
    throw new Error(`Redis did not start:\n${launched.lines().join("\n")}`);
  };
  let server = await launch();

  let handedOut = 0;
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    dir,
    get pid() {
      return server.pid;
    },
    freshUrl() {
      handedOut += 1;
      if (handedOut >= databases) throw new Error(`more than ${databases - 1} databases handed out: send FLUSHALL between tests instead`);
      return `redis://127.0.0.1:${port}/${handedOut}`;
    },
    command: (...words) => sendCommand(port, words),
    async kill(signal) {
      server.kill(signal);
      if (signal !== "SIGSTOP" && signal !== "SIGCONT") await server.exited;
    },
    async restart() {
      await server.stop();
      server = await launch();
    },
    async stop() {
      await server.stop();
      await folder?.remove();
    },
  };
}

let shared: Promise<TestRedis> | undefined;

/**
 * The one Redis of this test file, started at the first call and stopped by itself after the file's last test.
 * Call it at the top of the file or in a `before`, and give each test a `freshUrl()`.
 */
export function sharedRedis(): Promise<TestRedis> {
  if (!shared) {
    const started = startRedis();
    shared = started;
    after(async () => (await started).stop());
  }
  return shared;
}

/** One inline command (https://redis.io/docs/latest/develop/reference/protocol-spec/#inline-commands) on a connection of its own. */
function sendCommand(port: number, words: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(`${words.join(" ")}\r\n`));
    let reply = "";
    socket.setTimeout(2_000, () => socket.destroy(new Error("Redis does not answer")));
    socket.on("data", (chunk) => {
      reply += chunk.toString("latin1");
      if (reply.includes("\r\n")) socket.end();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(reply.split("\r\n", 1)[0] ?? ""));
  });
}
