// One request to the gateway: its time limit, what its answer means, and when it is made again.
import { toJson } from "./bytes.ts";
import { errorOfAnswer, PosternError } from "./posternError.ts";

/** What may be said of any call. */
export type CallOptions = {
  /** Ends the call, also while it waits to be made again: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** For one try, until the answer is read; of a stream, until it begins. */
  timeoutMs?: number | undefined;
  /** How often at most a call is made again. */
  retries?: number | undefined;
};

export type Transport = { fetch: typeof fetch; url: string; apiKey: string; timeoutMs: number; retries: number };

export type Call<Answer> = CallOptions & {
  method: string;
  /** With its query. */
  path: string;
  headers?: Record<string, string>;
  /** A text, bytes or a blob with its `content-type` in `headers`; anything else goes as JSON. */
  body?: unknown;
  /** Whether a second one does no harm, though nobody knows what became of the first. */
  isRepeatable: boolean;
  /** Reads a good answer. */
  read(response: Response): Promise<Answer>;
};

/** The first pause before a call is made again; each further one is twice as long. */
const pauseMs = 500;
const pauseMsMax = 8_000;
/** Who is asked to wait longer than this is told so, and may come back. */
const retryAfterMsMax = 60_000;

/**
 * Makes a call, and makes it again after a refusal that passes (429, 503, a proxy's 502 and 504) or a fault of the network.
 * @throws PosternError; whatever `signal` was aborted with
 */
export async function makeCall<Answer>(transport: Transport, call: Call<Answer>): Promise<Answer> {
  const { signal, retries = transport.retries } = call;
  let mayHaveBeenDone = false;
  for (let tried = 0; ; tried += 1) {
    const result = await tryOnce(transport, call);
    if (result.ok) return result.answer;
    const { error } = result;
    // Then the first try did it, and its answer was lost.
    if (mayHaveBeenDone && call.method === "DELETE" && error.status === 404) return undefined as Answer;
    const pause = tried < retries ? pauseBefore(tried, error, call.isRepeatable, mayHaveBeenDone) : undefined;
    if (pause === undefined) throw error;
    mayHaveBeenDone ||= error.status !== 429;
    await wait(pause, signal);
  }
}

/** How long to wait before another try; undefined where it would not help, or might do twice what was to be done once. */
function pauseBefore(tried: number, error: PosternError, isRepeatable: boolean, mayHaveBeenDone: boolean): number | undefined {
  const passes = [502, 503, 504, undefined].includes(error.status) || (mayHaveBeenDone && error.code === "idempotency_in_progress");
  if (error.status !== 429 && !(passes && isRepeatable)) return undefined;
  if ((error.retryAfterMs ?? 0) > retryAfterMsMax) return undefined;
  // Jittered, so that many who were turned away at once do not come back at once.
  const growing = Math.min(pauseMs * 2 ** tried, pauseMsMax) * (0.5 + Math.random() / 2);
  return error.retryAfterMs === undefined ? growing : error.retryAfterMs + Math.random() * pauseMs;
}

type Tried<Answer> = { ok: true; answer: Answer } | { ok: false; error: PosternError };

async function tryOnce<Answer>(transport: Transport, call: Call<Answer>): Promise<Tried<Answer>> {
  const { signal, method, path, timeoutMs = transport.timeoutMs } = call;
  const url = `${transport.url}${path}`;
  const what = `${method} ${transport.url}${path.split("?")[0]}`;
  signal?.throwIfAborted();
  const ending = new AbortController();
  const abort = () => ending.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    ending.abort();
  }, timeoutMs);
  try {
    const response = await transport.fetch(url, { method, ...contentOf(transport, call), redirect: "manual", signal: ending.signal });
    if (!response.ok) return { ok: false, error: errorOfAnswer(response, await response.text(), what) };
    return { ok: true, answer: await call.read(response) };
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof PosternError) return { ok: false, error: cause };
    if (isLate)
      return { ok: false, error: new PosternError({ code: "timed_out", detail: `${what} had no answer in ${timeoutMs} ms.` }, { cause }) };
    return { ok: false, error: new PosternError({ code: "no_answer", detail: `${what} had no answer: ${reasonOf(cause)}.` }, { cause }) };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

function contentOf(
  { apiKey }: Transport,
  { headers, body }: Call<unknown>,
): { headers: Record<string, string>; body?: string | Blob | Uint8Array<ArrayBuffer> } {
  const authorization = `Bearer ${apiKey}`;
  if (body === undefined) return { headers: { authorization, ...headers } };
  if (headers?.["content-type"] !== undefined) return { headers: { authorization, ...headers }, body: body as string };
  return { headers: { authorization, "content-type": "application/json", ...headers }, body: toJson(body) };
}

/** Most runtimes hide the reason in the cause. */
function reasonOf(fault: unknown): string {
  const { cause, message } = fault as Error;
  return ((cause as Error | undefined)?.message || message || String(fault)).replace(/\.$/, "");
}

/** @throws whatever the signal was aborted with */
export function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
