// A client of the event stream: server-sent events (WHATWG HTML, section 9.2) with nothing but fetch.
import { setTimeout as sleep } from "node:timers/promises";
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
 * @param lastEventId where to begin
 * @param options.comesBack as an EventSource does: when the stream ends it is opened again, behind the last event that came
 * @throws Error for an answer other than 200 to the first request
 */
export async function openEventStream(
  gateway: Gateway,
  lastEventId?: string,
  { comesBack = false }: { comesBack?: boolean } = {},
): Promise<EventStreamClient> {
  const hangUp = new AbortController();
  const events: StreamedEvent[] = [];
  const open = async () => {
    const after = events.at(-1)?.id ?? lastEventId;
    const response = await fetch(`${gateway.url}/v1/events/stream`, {
      headers: { authorization: `Bearer ${gateway.apiKey}`, ...(after !== undefined && { "last-event-id": after }) },
      signal: hangUp.signal,
    });
    const type = response.headers.get("content-type") ?? "";
    if (response.status !== 200 || !type.startsWith("text/event-stream")) {
      throw new Error(`the stream was answered ${response.status} ${type}: ${await response.text()}`);
    }
    return response;
  };
  const read = async (response: Response) => {
    let unread = "";
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (unread + text).split("\n\n");
      unread = blocks.pop() ?? "";
      events.push(...blocks.flatMap((block) => parseBlock(block) ?? []));
    }
  };
  const first = await open();
  const follow = async () => {
    await read(first).catch(() => {});
    while (comesBack && !hangUp.signal.aborted) {
      await sleep(100);
      await open()
        .then(read)
        .catch(() => {});
    }
  };
  return { events, close: () => hangUp.abort(), ended: follow() };
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
