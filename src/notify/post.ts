// One request to an endpoint that nobody trusts: it may be slow, endless, huge, or point into our own network.
import { performance } from "node:perf_hooks";
import { Agent, request } from "undici";
import { checkWebhookUrl, type WebhookTargets } from "../domain/webhookUrl.ts";
import { faultText } from "./faults.ts";
import { guardedLookup, type Resolve, resolverFor } from "./lookup.ts";

/** What came of it: an answer's status, or in words why there was none. */
export type PostResult = { durationMs: number; status?: number; error?: string; snippet?: string; retryAfter?: string };

export type Post = (input: { url: string; headers: Record<string, string>; body: string; signal: AbortSignal }) => Promise<PostResult>;

export type PosterOptions = {
  targets: WebhookTargets;
  version: string;
  /** For everything until the answer's status, connecting included. */
  timeoutMs: number;
  /** Connections to one host and port. */
  connections: number;
  resolve?: Resolve;
};

const connectTimeoutMs = 5_000;
/** The status has been told by then; the body is only a courtesy to whoever looks for a fault. */
const bodyTimeoutMs = 2_000;
const bodyBytesMax = 16 * 1024;
const snippetBytesMax = 1024;
/** Of a success less is of interest, and there are so many. */
const successSnippetBytesMax = 128;

/** Makes the function that posts, with its connections, which are kept alive for a moment. `close` cuts what is left. */
export function createPoster(options: PosterOptions): { post: Post; close(): Promise<void> } {
  const { targets, version, timeoutMs, connections, resolve = resolverFor(targets) } = options;
  const agent = new Agent({
    connect: { lookup: guardedLookup(targets, resolve), timeout: connectTimeoutMs },
    connections,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });

  const post: Post = async ({ url, headers, body, signal }) => {
    const began = performance.now();
    const durationMs = () => Math.round(performance.now() - began);
    // Literal addresses are never looked up, so they are judged here; and what was allowed at creation may not be any more.
    const fault = checkWebhookUrl(url, targets);
    if (fault !== undefined) return { durationMs: 0, error: fault };
    // Not AbortSignal.any: it would tie every request to a signal that lives as long as the process.
    const cutting = new AbortController();
    const cut = () => cutting.abort();
    let isLate = false;
    const timeout = setTimeout(() => {
      isLate = true;
      cut();
    }, timeoutMs);
    signal.addEventListener("abort", cut, { once: true });
    if (signal.aborted) cut();
    try {
      // undici follows no redirect and keeps no cookie unless it is told to.
      const response = await request(url, {
        method: "POST",
        dispatcher: agent,
        headers: { ...headers, "content-type": "application/json", "user-agent": `Postern/${version}` },
        body,
        signal: cutting.signal,
      });
      const { statusCode: status } = response;
      const answeredMs = durationMs();
      const isSuccess = status >= 200 && status < 300;
      const text = await beginning(response.body, Math.min(bodyTimeoutMs, timeoutMs - answeredMs));
      const snippet = readable(text, isSuccess ? successSnippetBytesMax : snippetBytesMax);
      const retryAfter = response.headers["retry-after"];
      return {
        durationMs: answeredMs,
        status,
        ...(snippet !== "" && { snippet }),
        ...(typeof retryAfter === "string" && { retryAfter }),
      };
    } catch (error) {
      if (isLate) return { durationMs: durationMs(), error: `No answer within ${timeoutMs / 1_000} s.` };
      return { durationMs: durationMs(), error: faultText(error) };
    } finally {
      clearTimeout(timeout);
      signal.removeEventListener("abort", cut);
    }
  };

  return { post, close: () => agent.destroy() };
}

type Body = AsyncIterable<Buffer> & { destroy(error?: Error): unknown; on(event: "error", listener: () => void): unknown };

/** The first bytes of a body, as many as come in time. A short one is read whole, so that its connection can be used again. */
async function beginning(body: Body, withinMs: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  body.on("error", () => undefined);
  const timer = setTimeout(() => body.destroy(), Math.max(0, withinMs));
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      length += chunk.length;
      // Leaving the loop destroys the body and its connection.
      if (length >= bodyBytesMax) break;
    }
  } catch {
    // Cut off, by us or by them: what has come is all there is.
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).subarray(0, snippetBytesMax);
}

/** Bytes as text that does no harm in JSON, a log or a page: cut at a whole character, control characters and white space as single spaces. */
function readable(bytes: Buffer, bytesMax: number): string {
  const text = bytes
    .subarray(0, bytesMax)
    .toString("utf8")
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim();
  return text.replace(/\ufffd+$/, "");
}
