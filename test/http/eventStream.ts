// A client of the event stream that can also be slow, or be cut off.
import { get, type IncomingMessage } from "node:http";
import { waitFor } from "../support/waitFor.ts";

// biome-ignore lint/suspicious/noExplicitAny: a test says by its assertions what it expects.
export type SeenEvent = { id: string; event: string; data: any };

export type StreamClient = {
  status: number;
  headers: IncomingMessage["headers"];
  events: SeenEvent[];
  /** Comments and other lines that are no events. */
  lines: string[];
  /** The answer's text, where it is no stream. */
  text(): string;
  ended(): boolean;
  /** Waits until so many events were seen. */
  seen(count: number, timeoutMs?: number): Promise<SeenEvent[]>;
  pause(): void;
  resume(): void;
  close(): void;
};

/** Opens a stream; resolves when its head is there. */
export function openStream(
  url: string,
  { key, path = "/v1/events/stream", headers = {} }: { key: string; path?: string; headers?: Record<string, string> },
): Promise<StreamClient> {
  return new Promise((resolve, reject) => {
    const request = get(`${url}${path}`, { headers: { authorization: `Bearer ${key}`, ...headers }, agent: false }, (response) => {
      const events: SeenEvent[] = [];
      const lines: string[] = [];
      let ended = false;
      let rest = "";
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text = (text + chunk).slice(0, 10_000);
        const blocks = (rest + chunk).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
          const fields = new Map(
            block.split("\n").map((line): [string, string] => [line.split(": ", 1)[0] ?? "", line.slice(line.indexOf(": ") + 2)]),
          );
          const [id, event, data] = [fields.get("id"), fields.get("event"), fields.get("data")];
          if (id !== undefined && event !== undefined && data !== undefined) events.push({ id, event, data: JSON.parse(data) });
          else lines.push(block);
        }
      });
      response.on("close", () => {
        ended = true;
      });
      response.on("error", () => undefined);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        events,
        lines,
        text: () => text,
        ended: () => ended,
        seen: async (count, timeoutMs = 5_000) => {
          await waitFor(() => events.length >= count, { what: `${count} events (there are ${events.length})`, timeoutMs });
          return events;
        },
        pause: () => response.pause(),
        resume: () => response.resume(),
        close: () => request.destroy(),
      });
    });
    request.on("error", reject);
  });
}
