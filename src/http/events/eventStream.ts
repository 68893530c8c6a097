// One client's event stream: what it missed from the log, then what happens, without a gap and without doubles at the seam.
import { Readable } from "node:stream";
import type { EventType } from "../../domain/events.ts";
import type { Events } from "../../store/events.ts";
import type { Messages } from "../../store/messages.ts";
import { type EventFeed, type FeedEvent, feedEvents } from "./feed.ts";

export type StreamDependencies = { events: Pick<Events, "page" | "newest">; messages: Pick<Messages, "records">; feed: EventFeed };

/** `after`: a sequence number; undefined: from now. */
export type StreamRequest = { tenant: string; after: number | undefined; types: readonly EventType[] | undefined };

/** How long an EventSource waits before it comes back. */
const retryMs = 2_000;
/** Even with the largest metadata a page stays far below what may be unread. */
const replayPage = 50;
/** A client that leaves so much unread is cut off; it comes back and goes on where it was. */
const unreadBytesMax = 1024 * 1024;
/** A client that reads nothing of a replay for so long is cut off too. */
const stalledMs = 30_000;

export type EventStream = {
  /** The bytes of the answer (WHATWG HTML, "Server-sent events"). */
  body: Readable;
  /** A comment, so that nobody on the way takes the connection for dead. */
  heartbeat(): void;
  /** Ends it in order. Idempotent. */
  end(): void;
};

/** Opens a stream. Rejects while Redis is away. */
export async function openEventStream({ events, messages, feed }: StreamDependencies, request: StreamRequest): Promise<EventStream> {
  const { tenant, types } = request;
  let wakeReader: (() => void) | undefined;
  const body = new Readable({ highWaterMark: 64 * 1024, read: () => wakeReader?.() });
  // It is only ever cut off; whoever pipes it sees that.
  body.on("error", () => undefined);

  let position = 0;
  let live = false;
  let ended = false;
  /** The newest event that came by while the log was still being replayed. */
  let passed = 0;

  const write = (text: string) => {
    if (body.destroyed || ended) return;
    body.push(text);
    if (body.readableLength > unreadBytesMax) body.destroy();
  };
  const send = ({ sequence, view }: FeedEvent) => {
    if (sequence <= position) return;
    position = sequence;
    if (!types || types.includes(view.type)) write(`id: ${view.id}\nevent: ${view.type}\ndata: ${JSON.stringify(view)}\n\n`);
  };
  const end = () => {
    if (ended) return;
    ended = true;
    if (!body.destroyed) body.push(null);
  };

  const listening = await feed.listen(tenant, {
    onEvents: (batch) => {
      if (live) batch.forEach(send);
      else passed = Math.max(passed, batch.at(-1)?.sequence ?? 0);
    },
    onEnd: end,
  });
  body.once("close", () => {
    listening.stop();
    wakeReader?.();
  });

  try {
    const newest = await events.newest();
    // An id from beyond the end is of a log before this one: all of this one is news then.
    position = request.after === undefined ? newest : request.after > newest ? 0 : request.after;
  } catch (error) {
    body.destroy();
    throw error;
  }
  // A client that comes back before its first event begins here too, and misses nothing.
  write(`id: ${position}\nretry: ${retryMs}\n\n`);
  // A replay that fails ends the stream; the client comes back.
  void replay().catch(end);

  async function replay(): Promise<void> {
    while (!body.destroyed && !ended) {
      const page = await events.page(tenant, position, replayPage, types);
      for (const event of await feedEvents(messages, page.events)) send(event);
      position = Math.max(position, page.position);
      // Nothing may come between this look and the switch: both are one step of the event loop.
      if (!page.hasMore && passed <= position) {
        live = true;
        return;
      }
      await taken();
    }
  }

  /** Resolves once the client has taken most of what was written; cuts it off if it does not. */
  async function taken(): Promise<void> {
    if (body.readableLength < body.readableHighWaterMark) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => body.destroy(), stalledMs);
      wakeReader = () => {
        clearTimeout(timer);
        wakeReader = undefined;
        resolve();
      };
    });
  }

  return { body, heartbeat: () => write(": still here\n\n"), end };
}
