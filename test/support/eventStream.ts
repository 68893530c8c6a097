// A client of the event stream: server-sent events (WHATWG HTML, section 9.2) with nothing but fetch.
import type { Gateway } from "./gateway.ts";

export type StreamedEvent = { id: string; event: string; data: string };

export type EventStreamClient = {
  /** All that came so far. */
  readonly events: StreamedEvent[];
  /** Hangs up. */
  close(): void;
  /** Resolves when either side has hung up. */
  readonly ended: Promise<void>;
};

/**
 * Opens GET /v1/events/stream and waits for the head of the answer.
 * @param lastEventId where to go on
 * @throws Error for an answer other than 200
 */
export async function openEventStream(gateway: Gateway, lastEventId?: string): Promise<EventStreamClient> {
  const hangUp = new AbortController();
  const response = await fetch(`${gateway.url}/v1/events/stream`, {
    headers: { authorization: `Bearer ${gateway.apiKey}`, ...(lastEventId !== undefined && { "last-event-id": lastEventId }) },
    signal: hangUp.signal,
  });
  const type = response.headers.get("content-type") ?? "";
  if (response.status !== 200 || !type.startsWith("text/event-stream")) {
    throw new Error(`the stream was answered ${response.status} ${type}: ${await response.text()}`);
  }
  const events: StreamedEvent[] = [];
  const read = async () => {
    let unread = "";
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (unread + text).split("\n\n");
      unread = blocks.pop() ?? "";
      events.push(...blocks.flatMap((block) => parseBlock(block) ?? []));
    }
  };
  return { events, close: () => hangUp.abort(), ended: read().catch(() => {}) };
}

/** One event; undefined for a block without data, such as a comment. */
function parseBlock(block: string): StreamedEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const [, name, value] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    if (name !== undefined) fields.set(name, value ?? "");
  }
  const data = fields.get("data");
  return data === undefined ? undefined : { id: fields.get("id") ?? "", event: fields.get("event") ?? "", data };
}
