// What happened, and what happens: the event stream is followed for as long as somebody reads it, and taken up behind the last event when it
// breaks.
import type { Event } from "./api.ts";
import { listOf } from "./list.ts";
import type { CallOperation, Query } from "./operations.ts";
import { PosternError } from "./posternError.ts";
import { type CallOptions, wait } from "./request.ts";
import { readServerSentEvents } from "./serverSentEvents.ts";

export type FollowOptions = {
  /** Only events of these types. */
  types?: readonly Event["type"][] | undefined;
  /** Id of the last event that you have; without it, what happens from now on. */
  after?: string | undefined;
  /** Ends it: the loop throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Is told of each break, with the reason if there is one, before the stream is opened anew. */
  onBreak?: ((error: PosternError | undefined) => void) | undefined;
};

/** The gateway says something every 15 s. */
const silenceMsMax = 60_000;
const comeBackMs = 1_000;
const comeBackMsMax = 15_000;

export function eventsOf(call: CallOperation) {
  return {
    /** The log of all that happened, oldest first. */
    list: (query?: Query<"listEvents">, options?: CallOptions) => listOf(call, "listEvents", { query, options }),
    /** Events as they happen, for as long as the loop runs, over every break of the connection. */
    follow: (options: FollowOptions = {}) => follow(call, options),
  };
}

/**
 * Every event, in order; once each, unless the gateway's log was lost. The stream's first opening fails as every call does; later ones
 * are tried until they succeed.
 * @throws PosternError when it is refused for good (401, 403, 422)
 */
async function* follow(call: CallOperation, options: FollowOptions): AsyncGenerator<Event, void, undefined> {
  const { signal, onBreak } = options;
  let last = options.after;
  let missed = 0;
  let retries: number | undefined;
  while (true) {
    let fault: PosternError | undefined;
    // Ends the request when the reader leaves the loop, or the stream falls silent.
    const leaving = new AbortController();
    const abort = () => leaving.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      const body = await openStream(call, { ...options, after: last }, { signal, retries }, leaving);
      retries = 0;
      for await (const { id, data } of readServerSentEvents(body)) {
        missed = 0;
        const event = data === undefined ? undefined : (JSON.parse(data) as Event);
        if (id !== "") last = id;
        if (event) yield event;
      }
    } catch (error) {
      signal?.throwIfAborted();
      fault = asPassing(error, retries !== undefined);
    } finally {
      signal?.removeEventListener("abort", abort);
      leaving.abort();
    }
    signal?.throwIfAborted();
    onBreak?.(fault);
    await wait(Math.max(fault?.retryAfterMs ?? 0, Math.min(comeBackMs * 2 ** missed, comeBackMsMax)), signal);
    missed = Math.min(missed + 1, 10);
  }
}

async function openStream(
  call: CallOperation,
  { types, after }: FollowOptions,
  options: CallOptions,
  leaving: AbortController,
): Promise<AsyncIterable<Uint8Array>> {
  const input = { query: { type: types?.join(","), after }, headers: { accept: "text/event-stream" } };
  return call("streamEvents", input, options, async ({ body }) => chunksOf(body, leaving));
}

/** A break that coming back may mend. @throws what it cannot */
function asPassing(error: unknown, hadBegun: boolean): PosternError | undefined {
  if (!(error instanceof PosternError))
    return new PosternError({ code: "no_answer", detail: "The event stream broke off." }, { cause: error });
  const { status } = error;
  if (!hadBegun || (status !== undefined && status < 500 && status !== 429)) throw error;
  return error;
}

/** What a body brings; rejects after a long silence. */
async function* chunksOf(body: ReadableStream<Uint8Array> | null, leaving: AbortController): AsyncGenerator<Uint8Array, void, undefined> {
  if (!body) return;
  const reader = body.getReader();
  const leave = () => void reader.cancel().catch(() => undefined);
  leaving.signal.addEventListener("abort", leave, { once: true });
  try {
    while (true) {
      const timer = setTimeout(() => leaving.abort(), silenceMsMax);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return;
      yield value;
    }
  } finally {
    leave();
  }
}
