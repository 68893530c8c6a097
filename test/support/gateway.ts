// The whole gateway as a real process, driven and watched through its public doors only.
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { MessageView } from "../../src/domain/messageView.ts";
import { openStatuses } from "../../src/domain/states.ts";
import { builtProgram } from "./built.ts";
import { type ExitStatus, startProcess } from "./process.ts";
import { findRedisServer } from "./redisProgram.ts";
import { temporaryFolder } from "./temporaryFolder.ts";
import { waitFor } from "./waitFor.ts";

/** `body` is the parsed JSON, or the text of any other content type; undefined when there is none. */
export type Answer<Body = unknown> = { status: number; headers: Headers; body: Body };

export type Gateway = {
  /** `http://127.0.0.1:PORT`; empty in a role without an API. */
  readonly url: string;
  /** Of the metrics server; empty unless METRICS_PORT was given. */
  readonly metricsUrl: string;
  /** The bootstrap key, with all scopes, for the tenant `default`. */
  readonly apiKey: string;
  readonly pid: number;
  readonly dataDir: string;
  /** Does nothing when the process has ended. */
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<ExitStatus>;
  /** Every line of stdout and stderr so far. */
  logs(): string[];
  /**
   * One request with the bootstrap key. A body that is a string or bytes is sent as it is, anything else as JSON.
   * @throws Error when no answer comes within 30 s, or the connection breaks
   */
  request<Body = unknown>(
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer<Body>>;
  get<Body = unknown>(path: string, headers?: Record<string, string>): Promise<Answer<Body>>;
  post<Body = unknown>(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<Body>>;
  /** Polls the message until none of its recipients is open, and returns it. */
  messageSettled(id: string, timeoutMs?: number): Promise<MessageView>;
  /** SIGTERM, and SIGKILL for one that has not ended after `graceMs` (default 30 s). Removes a data folder that was made here. */
  stop(graceMs?: number): Promise<void>;
};

/**
 * Builds the product if need be, starts `node dist/main.js start` and waits until it says that it is ready.
 * @param options.env beside PATH, HOME, TMPDIR, LOG_FORMAT=json and, unless given here, PORT=0, METRICS_PORT=0 (off), a
 *   POSTERN_DATA_DIR of its own and a POSTERN_API_KEY (an empty one lets the sandbox make one, which is read from its banner);
 *   nothing else of this process's environment is passed on
 * @param options.args after `start`, like `["--role", "worker"]`
 * @param options.cwd default an empty folder, so that no `postern.yaml` is found by chance
 * @param options.config the text of a `postern.yaml`, put into that empty folder
 * @param options.program in place of the built product
 * @param options.nodeOptions of Node itself, before the program
 * @throws Error with the log when it ends or does not get ready within `readyTimeoutMs` (default 60 s)
 */
export async function startGateway(
  options: {
    env?: Record<string, string>;
    args?: string[];
    cwd?: string;
    config?: string;
    program?: string;
    nodeOptions?: string[];
    readyTimeoutMs?: number;
  } = {},
): Promise<Gateway> {
  const { env = {}, args = [], nodeOptions = [], readyTimeoutMs = 60_000 } = options;
  const program = options.program ?? (await builtProgram());
  const folder = await temporaryFolder({ name: "gateway" });
  if (options.config !== undefined) await writeFile(join(folder.path, "postern.yaml"), options.config);
  const dataDir = env.POSTERN_DATA_DIR ?? join(folder.path, "data");
  const givenKey = env.POSTERN_API_KEY ?? `test_${randomBytes(24).toString("hex")}`;
  const gateway = await startProcess({
    command: process.execPath,
    args: [...nodeOptions, program, "start", ...args],
    cwd: options.cwd ?? folder.path,
    env: {
      PATH: await path(env),
      HOME: folder.path,
      TMPDIR: tmpdir(),
      LOG_FORMAT: "json",
      PORT: "0",
      METRICS_PORT: "0",
      POSTERN_DATA_DIR: dataDir,
      POSTERN_API_KEY: givenKey,
      ...env,
    },
    removeOnDeath: folder.path,
  });
  const stop = async (graceMs = 30_000) => {
    await gateway.stop(graceMs);
    await folder.remove();
  };

  const ready = await waitFor(() => gateway.exitStatus() ?? readyLine(gateway.lines()), {
    what: "the gateway to be ready",
    timeoutMs: readyTimeoutMs,
  }).catch(async (fault: Error) => {
    await stop(0);
    throw new Error(`${fault.message}\n${gateway.lines().join("\n")}`, { cause: fault });
  });
  if ("signal" in ready) {
    await stop();
    throw new Error(`the gateway ended with ${ready.signal ?? `code ${ready.code}`} before it was ready\n${gateway.lines().join("\n")}`);
  }

  const { url = "", metrics_url: metricsUrl = "" } = ready;
  const apiKey = givenKey || (await waitFor(() => keyInBanner(gateway.lines()), { what: "the banner to show an API key" }));
  const request: Gateway["request"] = async <Body>(
    method: string,
    requestPath: string,
    { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
  ) => {
    const isRaw = typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(`${url}${requestPath}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      body: body === undefined ? null : isRaw ? body : JSON.stringify(body),
      redirect: "manual",
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    const isJson = /[/+]json\b/.test(response.headers.get("content-type") ?? "");
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text || undefined) as Body };
  };

  return {
    url,
    metricsUrl,
    apiKey,
    pid: gateway.pid,
    dataDir,
    kill: gateway.kill,
    exited: gateway.exited,
    logs: gateway.lines,
    request,
    get: (requestPath, headers = {}) => request("GET", requestPath, { headers }),
    post: (requestPath, body, headers = {}) => request("POST", requestPath, { body, headers }),
    async messageSettled(id, timeoutMs = 15_000) {
      const settled = async () => {
        const { status, body } = await request<MessageView>("GET", `/v1/messages/${id}`);
        if (status !== 200) throw new Error(`GET answered ${status}: ${JSON.stringify(body)}`);
        const open = body.recipients.filter((recipient) => (openStatuses as readonly string[]).includes(recipient.status));
        if (open.length > 0) throw new Error(`still open: ${JSON.stringify(open)}`);
        return body;
      };
      return waitFor(settled, { what: `message ${id} to be settled`, timeoutMs, everyMs: 25 });
    },
    stop,
  };
}

function keyInBanner(lines: string[]): string | undefined {
  return lines.map((line) => /^ *API key +(\S+)$/.exec(line)?.[1]).find((key) => key !== undefined);
}

/** Where Node, the system's programs and, for an embedded Redis, the tests' cached one are found. */
async function path(env: Record<string, string>): Promise<string> {
  const usual = [dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"];
  const embedded = env.REDIS_URL === undefined && env.PATH === undefined;
  return [...(embedded ? [dirname(await findRedisServer())] : []), ...usual].join(delimiter);
}

type ReadyLine = { url?: string; metrics_url?: string };

function readyLine(lines: string[]): ReadyLine | undefined {
  const line = lines.find((text) => text.startsWith("{") && text.includes('"msg":"ready"'));
  return line === undefined ? undefined : (JSON.parse(line) as ReadyLine);
}
