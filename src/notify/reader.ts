// Follows the event log and makes events due at webhooks. What it cannot handle now it reads again; nothing is passed over.
import { setTimeout as pause } from "node:timers/promises";
import type { EventKind, WebhookFanOut } from "../store/webhookFanOut.ts";
import type { Log } from "../telemetry/logger.ts";

export type ReaderOptions = {
  fanOut: WebhookFanOut;
  /** Called when deliveries were made. */
  onDue(): void;
  /** Told of every event once in the whole fleet; twice at most where a process dies over it. */
  observe(kinds: readonly EventKind[]): void;
  /** Another process's events are taken over when it has not handled them for so long. */
  takeOverMs: number;
  log: Log;
};

export type Reader = {
  /** Ends after the batch in hand. Idempotent. */
  stop(): Promise<void>;
};

const blockMs = 5_000;
/** Rest between two readings: under load it gathers a batch, so that each event costs little. */
const restMs = 20;
const afterFaultMs = 500;
/** A process that has not asked for events for so long is gone: a living one asks every few seconds. */
const deadAfterMs = 10 * 60_000;

/** Starts reading, and goes on until stopped, whatever happens to Redis. */
export function startReader({ fanOut, onDue, observe, takeOverMs, log }: ReaderOptions): Reader {
  const stopping = new AbortController();
  const rest = (ms: number) => pause(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  const isStopping = () => stopping.signal.aborted;
  let isPrepared = false;
  let isTroubled = false;
  let lookedAt = Number.NEGATIVE_INFINITY;

  async function step(): Promise<void> {
    if (!isPrepared) await fanOut.prepare();
    isPrepared = true;
    if (performance.now() - lookedAt >= takeOverMs / 4) {
      const left = await fanOut.takeOver(takeOverMs);
      if (left.entries.length > 0) log.info({ events: left.entries.length }, "taking over events that another process left");
      await handle(left);
      await fanOut.retireOthers(deadAfterMs);
      lookedAt = performance.now();
    }
    await handle(await fanOut.read(Math.min(blockMs, takeOverMs / 4)));
  }

  async function handle(batch: Awaited<ReturnType<WebhookFanOut["read"]>>): Promise<void> {
    if (batch.entries.length === 0) return;
    const { made, kinds, unreadable } = await fanOut.handle(batch);
    observe(kinds);
    if (unreadable.length > 0) log.error({ entries: unreadable.slice(0, 10) }, "entries of the event log are no events");
    if (made > 0) onDue();
    await rest(restMs);
  }

  async function run(): Promise<void> {
    while (!isStopping()) {
      try {
        await step();
        if (isTroubled) log.info({}, "webhooks: reading events again");
        isTroubled = false;
      } catch (error) {
        if (isStopping()) return;
        if (!isTroubled) log.warn({ err: error }, "webhooks: events cannot be read for the moment");
        isTroubled = true;
        // The group, too, may be gone with the data of a Redis that was replaced.
        isPrepared = false;
        fanOut.again();
        await rest(afterFaultMs);
      }
    }
  }

  const ended = run();
  let stopped: Promise<void> | undefined;
  return {
    stop() {
      stopped ??= (async () => {
        stopping.abort();
        fanOut.interrupt();
        await ended;
        try {
          // Else nobody would look for them before `takeOverMs`.
          await handle(await fanOut.inHand());
          await fanOut.retire();
        } catch {
          // Redis is away: another process takes over what is left.
        }
      })();
      return stopped;
    },
  };
}
