// A server that answers as a test tells it, for what a real gateway does only on a bad day, and a client of it.
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { TestContext } from "node:test";
import { type ClientOptions, createClient, type PosternClient } from "../../src/client/client.ts";
import { resetSocket } from "../support/resetSocket.ts";

export type Asked = { method: string; path: string; headers: IncomingHttpHeaders; body: string };
/** A status and JSON, or whatever a test does with the response itself; `cut` breaks the connection. */
export type Act =
  | { status: number; body?: unknown; headers?: Record<string, string> }
  | "cut"
  | "hang"
  | ((response: ServerResponse) => void);

/** @param acts one for each request, in order; the last one repeats */
export async function startAnswering(
  t: TestContext,
  acts: Act[],
  options: Partial<ClientOptions> = {},
): Promise<{ client: PosternClient; asked: Asked[]; url: string }> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const act = acts[Math.min(asked.length, acts.length - 1)] as Act;
    asked.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers, body: await textOf(request) });
    perform(act, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  return { client: createClient({ url, apiKey: "key", ...options }), asked, url };
}

function perform(act: Act, response: ServerResponse): void {
  if (act === "hang") return;
  if (typeof act === "function" || act === "cut") {
    if (act === "cut") resetSocket(response.socket);
    else act(response);
    return;
  }
  const { status, body, headers = {} } = act;
  const type = status < 400 ? "application/json" : "application/problem+json";
  response.writeHead(status, { "content-type": type, ...headers }).end(body === undefined ? undefined : JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += chunk;
  return text;
}

/** A refusal of Postern's. */
export function refused(status: number, code: string, headers: Record<string, string> = {}): Act {
  return { status, headers, body: { type: "", title: "", status, detail: `It is ${code}.`, code, request_id: "req_1" } };
}
