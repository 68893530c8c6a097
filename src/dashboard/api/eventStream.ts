// Follows the event log: server-sent events over a request of our own, as an EventSource cannot carry a key in a header.
import type { Client } from "./client.ts";
import type { Event } from "./wire.ts";

export type StreamState = "connecting" | "live" | "away";

const againAfterMs = 2_000;

/**
 * Follows until the signal; goes on where it was after an interruption.
 * @param options.after a place in the log, or undefined for from now on
 * @param options.types of these types only; undefined: all
 * @param listener `onBegin`: from here on nothing is missed; once, and only when it began "now"
 */
export async function followEvents(
  client: Client,
  options: { after?: string | undefined; types?: readonly string[]; signal: AbortSignal },
  listener: { onEvent(event: Event): void; onState(state: StreamState): void; onBegin?(): void },
): Promise<void> {
  const { signal, types } = options;
  let after = options.after;
  const take = (place: string, event: Event | undefined) => {
    if (after === undefined) listener.onBegin?.();
    after = place;
    if (event) listener.onEvent(event);
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

/**
 * Reads a stream to its end (WHATWG HTML, "Server-sent events": only what the gateway makes use of).
 * @param take gets each place in the log, and the event there; the first place comes without one
 */
export async function readEvents(body: ReadableStream<Uint8Array>, take: (place: string, event: Event | undefined) => void): Promise<void> {
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
      const lines = block.split("\n");
      const valuesOf = (field: string) => lines.flatMap((line) => (line.startsWith(`${field}: `) ? [line.slice(field.length + 2)] : []));
      const place = valuesOf("id").at(-1);
      const data = valuesOf("data");
      if (place !== undefined) take(place, data.length > 0 ? (JSON.parse(data.join("\n")) as Event) : undefined);
    }
  }
}
