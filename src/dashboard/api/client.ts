// Asks the API. Whatever goes wrong is an answer too: a problem document, the network's silence included.
import type { Problem } from "./wire.ts";

export type Answer<Data> = { ok: true; data: Data } | { ok: false; problem: Problem };

export type Query = Readonly<Record<string, string | number | undefined>>;
export type AskOptions = { query?: Query; body?: unknown; file?: Blob; headers?: Record<string, string>; signal?: AbortSignal };

export type Client = {
  /** One request for JSON. Rejects only when it was aborted. */
  ask<Data>(method: string, path: string, options?: AskOptions): Promise<Answer<Data>>;
  get<Data>(path: string, query?: Query, signal?: AbortSignal): Promise<Answer<Data>>;
  /** One request for bytes. */
  bytes(path: string, signal?: AbortSignal): Promise<Answer<Uint8Array>>;
  /** A request that stays open; the caller reads its body. */
  open(path: string, query: Query, signal: AbortSignal): Promise<Answer<ReadableStream<Uint8Array>>>;
};

const unreachable: Problem = {
  title: "The gateway does not answer",
  status: 0,
  code: "unreachable",
  detail: "Nothing came back. Is it running, and can this browser reach it?",
};

/**
 * Makes a client.
 * @param key the API key: it goes into a header, never into a URL
 * @param onUnauthorized called when the key is not, or no longer, known
 */
export function createClient(key: string, onUnauthorized: (problem: Problem) => void): Client {
  async function send(method: string, path: string, { query = {}, body, file, headers, signal }: AskOptions): Promise<Answer<Response>> {
    const given = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") given.set(name, String(value));
    const search = given.size > 0 ? `?${given}` : "";
    try {
      const response = await fetch(`v1/${path}${search}`, {
        method,
        headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { "content-type": "application/json" }), ...headers },
        body: file ?? (body === undefined ? null : JSON.stringify(body)),
        signal: signal ?? null,
      });
      if (response.ok) return { ok: true, data: response };
      const problem = await problemOf(response);
      if (response.status === 401) onUnauthorized(problem);
      return { ok: false, problem };
    } catch (error) {
      if (signal?.aborted) throw error;
      return { ok: false, problem: unreachable };
    }
  }

  async function read<Data>(answer: Answer<Response>, take: (response: Response) => Promise<Data>): Promise<Answer<Data>> {
    if (!answer.ok) return answer;
    // The connection may break while the body comes in.
    return take(answer.data).then(
      (data) => ({ ok: true, data }),
      () => ({ ok: false, problem: unreachable }),
    );
  }

  const ask: Client["ask"] = async <Data>(method: string, path: string, options: AskOptions = {}) =>
    read(await send(method, path, options), async (response) => {
      const text = await response.text();
      return (text === "" ? undefined : JSON.parse(text)) as Data;
    });

  return {
    ask,
    get: (path, query, signal) => ask("GET", path, { ...(query && { query }), ...(signal && { signal }) }),
    bytes: async (path, signal) =>
      read(await send("GET", path, signal ? { signal } : {}), async (response) => new Uint8Array(await response.arrayBuffer())),
    open: async (path, query, signal) => {
      const answer = await send("GET", path, { query, signal });
      if (!answer.ok) return answer;
      const { body } = answer.data;
      return body ? { ok: true, data: body } : { ok: false, problem: unreachable };
    },
  };
}

async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => undefined);
  if (typeof body === "object" && body !== null && "detail" in body) return body as Problem;
  // A proxy in between may answer with something of its own.
  const title = response.statusText || `HTTP ${response.status}`;
  return {
    title,
    status: response.status,
    code: "unexpected",
    detail: "The answer is not one of the gateway's: something in between gave it.",
  };
}
