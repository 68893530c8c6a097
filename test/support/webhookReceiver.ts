// A customer's endpoint for webhooks: it records every request and answers as a test tells it.
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { resetSocket } from "./resetSocket.ts";
import { waitFor } from "./waitFor.ts";

export type ReceivedRequest = {
  /** 1, 2, … in the order of arrival. */
  number: number;
  method: string;
  /** Path and query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** When it had been read whole, in milliseconds since the epoch. */
  at: number;
};

export type Answer = {
  /** Default 204. */
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  /** Waits so long before it answers. */
  delayMs?: number;
  /** Never answers. */
  hang?: boolean;
  /** Resets the connection instead of an answer. */
  cut?: boolean;
  /** Sends a body of this many bytes without saying its length first. */
  hugeBodyBytes?: number;
};

export type WebhookReceiver = {
  /** `http://127.0.0.1:PORT/hook`; every other path works as well. */
  readonly url: string;
  readonly port: number;
  readonly requests: ReceivedRequest[];
  /** Changes how requests are answered from now on. */
  answerWith(answer: (request: ReceivedRequest) => Answer | undefined): void;
  /** Waits until this many requests have come in all, and returns them. */
  waitForRequests(count: number, timeoutMs?: number): Promise<ReceivedRequest[]>;
  stop(): Promise<void>;
};

/** Starts it on a free loopback port. `answer` may return nothing: then the request is answered 204. */
export async function startWebhookReceiver(
  options: { answer?: (request: ReceivedRequest) => Answer | undefined } = {},
): Promise<WebhookReceiver> {
  let { answer = () => undefined } = options;
  const requests: ReceivedRequest[] = [];
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk);
    } catch {
      return; // Cut off in the middle: no request was made.
    }
    const { method = "", url: path = "", headers } = incoming;
    const request = { number: requests.length + 1, method, path, headers, body: Buffer.concat(chunks), at: Date.now() };
    requests.push(request);
    await respond(response, answer(request) ?? {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/hook`,
    port,
    requests,
    answerWith(next) {
      answer = next;
    },
    async waitForRequests(count, timeoutMs = 5_000) {
      const enough = () => {
        if (requests.length < count) throw new Error(`${requests.length} came`);
        return true;
      };
      await waitFor(enough, { what: `${count} webhook requests`, timeoutMs });
      return requests;
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Checks a request as a customer would when it came, with the Standard Webhooks library, and returns its parsed body. The library's own
 * `verify` compares with now, when a request of a long test may be old.
 * @param secret `whsec_…`
 * @throws WebhookVerificationError for a wrong signature or a timestamp that was more than five minutes off
 */
export function verifyRequest({ headers, body, at }: ReceivedRequest, secret: string): unknown {
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => String(headers[name]));
  const signedAt = new Date(Number(timestamp) * 1_000);
  if (!(Math.abs(at - signedAt.getTime()) <= 5 * 60_000)) throw new WebhookVerificationError("the timestamp is off");
  const expected = new Webhook(secret).sign(id ?? "", signedAt, body.toString());
  if (!signatures?.split(" ").includes(expected)) throw new WebhookVerificationError("No matching signature found");
  return JSON.parse(body.toString());
}

async function respond(response: ServerResponse, answer: Answer): Promise<void> {
  const { status = 204, headers = {}, body = "", delayMs = 0, hang = false, cut = false, hugeBodyBytes = 0 } = answer;
  if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
  if (cut) resetSocket(response.socket);
  if (cut || hang || response.destroyed) return;
  response.writeHead(status, headers);
  await pipeline(Readable.from(bodyOf(body, hugeBodyBytes)), response).catch(() => {
    // The sender has hung up, as it may on a body that is too big for it.
  });
}

function* bodyOf(body: string, hugeBodyBytes: number): Generator<Buffer> {
  yield Buffer.from(body);
  const block = Buffer.alloc(65_536, "x");
  for (let left = hugeBodyBytes; left > 0; left -= block.length) yield block.subarray(0, left);
}
