// Follows the event log: server-sent events over a request of our own, as an EventSource cannot carry a key in a header.
import type { Client } from "./client.ts";
import type { Event } from "./wire.ts";

export type StreamState = "connecting" | "live" | "away";

const againAfterMs = 2_000;

/**
 * Follows until the signal; goes on where it was after an interruption.
 * @param options.after a place in the log, or undefined for from now on
 * @param options.types of these types only; undefined: all
 */
export async function followEvents(
  client: Client,
  options: { after?: string | undefined; types?: readonly string[]; signal: AbortSignal },
  listener: { onEvent(event: Event): void; onState(state: StreamState): void },
): Promise<void> {
  const { signal, types } = options;
  let after = options.after;
  const take = (event: Event) => {
    after = event.id;
    listener.onEvent(event);
  };
  while (!signal.aborted) {
    try {
      const answer = await client.open("events/stream", { after, type: types?.join(",") }, signal);
      if (answer.ok) {
        listener.onState("live");
        await readEvents(answer.data, take);
      }
      // The key is gone: whoever signs the user out ends this too.
      else if (answer.problem.status === 401) return;
    } catch {
      // The stream broke off.
    }
    if (signal.aborted) return;
    listener.onState("away");
    await new Promise((resolve) => setTimeout(resolve, againAfterMs));
  }
}

/** Reads a stream to its end (WHATWG HTML, "Server-sent events": only what the gateway makes use of). */
export async function readEvents(body: ReadableStream<Uint8Array>, take: (event: Event) => void): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const data = block.split("\n").flatMap((line) => (line.startsWith("data: ") ? [line.slice(6)] : []));
      if (data.length > 0) take(JSON.parse(data.join("\n")) as Event);
    }
  }
}
