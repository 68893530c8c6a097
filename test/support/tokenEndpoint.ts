// An OAuth2 token endpoint (RFC 6749) whose answers are the test's. It keeps every request.
import { createServer, type IncomingMessage } from "node:http";

export type TokenReply = { status?: number; body?: unknown; delayMs?: number };

export type TokenEndpoint = {
  readonly url: string;
  readonly port: number;
  readonly requests: URLSearchParams[];
  stop(): Promise<void>;
};

/** Starts the endpoint on a loopback port. `answer` is given the form and its number, from 1; a body that is text is sent as it is. */
export async function startTokenEndpoint(answer: (form: URLSearchParams, number: number) => TokenReply | "none"): Promise<TokenEndpoint> {
  const requests: URLSearchParams[] = [];
  const server = createServer(async (request, response) => {
    const form = new URLSearchParams(await textOf(request));
    requests.push(form);
    const reply = answer(form, requests.length);
    if (reply === "none") return;
    const { status = 200, body, delayMs = 0 } = reply;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/token`,
    port,
    requests,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}
