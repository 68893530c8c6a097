// A running gateway as commands see it: its API, by the URL and the key of the environment. Every refusal becomes lines for a person.
import { Agent, type BodyInit, fetch, type Response } from "undici";
import { readRemoteConfig } from "../config.ts";
import { keptSandboxApiKey } from "../sandbox/apiKey.ts";

/** `lines`: what is wrong and the way out, one readable line each. `status` is undefined where no answer came. */
export type Refused = {
  ok: false;
  status: number | undefined;
  code: string | undefined;
  lines: string[];
  retryAfterMs: number | undefined;
};

export type Answered<Body> = { ok: true; status: number; body: Body } | Refused;

type Options = {
  body?: BodyInit;
  headers?: Record<string, string>;
  /** Until the answer has begun; default 30 s, 0 without end. */
  timeoutMs?: number;
  signal?: AbortSignal;
};

export type Remote = {
  url: string;
  /** Something secret of the key's, the same each time: what `listen` signs with. */
  apiKey: string;
  /** One request; the answer's JSON. Never rejects, but for a signal. */
  ask<Body>(method: string, path: string, options?: Options): Promise<Answered<Body>>;
  /** The same, with a body to read as it comes; reading it rejects when it breaks off. */
  open(method: string, path: string, options?: Options): Promise<{ ok: true; body: AsyncIterable<Uint8Array> } | Refused>;
  close(): Promise<void>;
};

const timeoutMsDefault = 30_000;
/** The event stream says something every 15 s. */
const bodyTimeoutMs = 60_000;

/** Opens the API that the environment names, or in words why it cannot: wrong configuration. */
export async function openRemote(): Promise<{ ok: true; remote: Remote } | { ok: false; faults: string[] }> {
  const read = readRemoteConfig();
  if (!read.ok) return read;
  const { url, isLocal, apiKey: given, dataDir } = read.remote;
  // The sandbox's own key is shown to nobody but this folder's own gateway.
  const apiKey = given ?? (isLocal ? await keptSandboxApiKey(dataDir) : undefined);
  if (apiKey === undefined) {
    return { ok: false, faults: ["POSTERN_API_KEY: is not set: give the key of the API (postern keys create makes one)"] };
  }
  return { ok: true, remote: createRemote({ url, apiKey }) };
}

function createRemote({ url, apiKey }: { url: string; apiKey: string }): Remote {
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: bodyTimeoutMs });

  async function send(method: string, path: string, options: Options): Promise<{ ok: true; response: Response } | Refused> {
    const { body, headers = {}, timeoutMs = timeoutMsDefault, signal } = options;
    const late = new AbortController();
    const timer = timeoutMs > 0 ? setTimeout(() => late.abort(), timeoutMs) : undefined;
    try {
      const response = await fetch(`${url}${path}`, {
        ...{ method, dispatcher, redirect: "manual" as const, duplex: "half" as const },
        headers: { authorization: `Bearer ${apiKey}`, ...headers },
        ...(body !== undefined && { body }),
        signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
      });
      if (response.status >= 200 && response.status < 300) return { ok: true, response };
      return refusalOf(response.status, response.headers.get("retry-after"), await response.text(), url);
    } catch (error) {
      if (signal?.aborted) throw error;
      const why = late.signal.aborted ? `no answer within ${timeoutMs / 1_000} s` : reasonOf(error);
      return unreachable(`${url} cannot be reached: ${why}. Is Postern running there (postern start)? POSTERN_URL says where.`);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    url,
    apiKey,
    async ask<Body>(method: string, path: string, options: Options = {}): Promise<Answered<Body>> {
      const sent = await send(method, path, options);
      if (!sent.ok) return sent;
      const { status } = sent.response;
      try {
        const text = await sent.response.text();
        return { ok: true, status, body: (text === "" ? undefined : JSON.parse(text)) as Body };
      } catch (error) {
        if (options.signal?.aborted) throw error;
        return unreachable(`${url} gave an answer that is none of Postern's, or broke off: correct POSTERN_URL, or try again.`);
      }
    },
    async open(method, path, options = {}) {
      const sent = await send(method, path, options);
      return sent.ok ? { ok: true, body: (sent.response.body ?? []) as AsyncIterable<Uint8Array> } : sent;
    },
    close: () => dispatcher.destroy(),
  };
}

function unreachable(line: string): Refused {
  return { ok: false, status: undefined, code: undefined, lines: [line], retryAfterMs: undefined };
}

type Problem = {
  detail?: string;
  title?: string;
  code?: string;
  errors?: { pointer?: string; parameter?: string; header?: string; message?: string }[];
};

/** A problem document (RFC 9457) in lines; whatever else it is, by its status. */
function refusalOf(status: number, retryAfter: string | null, text: string, url: string): Refused {
  let problem: Problem = {};
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    // Not ours: a proxy's page, perhaps.
  }
  const errors = (problem.errors ?? []).map(({ pointer, parameter, header, message }) => {
    return `${pointer?.slice(1).replaceAll("/", ".") || parameter || header || "the request"}: ${message ?? ""}`;
  });
  const whole = problem.detail ?? problem.title ?? `${url} answered ${status}, and not as Postern does: correct POSTERN_URL`;
  const lines = errors.length > 0 ? errors : [status === 401 ? `${whole} (POSTERN_API_KEY)` : whole];
  const seconds = Number(retryAfter);
  return { ok: false, status, code: problem.code, lines, retryAfterMs: retryAfter !== null && seconds >= 0 ? seconds * 1_000 : undefined };
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there",
  ENOTFOUND: "there is no such host",
  ECONNRESET: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
};

/** fetch hides the reason in its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: NodeJS.ErrnoException };
  return reasons[cause?.code ?? ""] ?? cause?.message ?? message;
}
