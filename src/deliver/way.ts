// The way to one relay: whether it is open, what is done with mail that finds it shut, and who is told when it fails or works again.
import type { PlannedWakeUp } from "../domain/dispatching.ts";
import type { Message } from "../domain/message.ts";
import type { RelayFault } from "../domain/relay.ts";
import { isOpen } from "../domain/states.ts";
import type { WakeUp } from "../domain/wakeUp.ts";
import type { Ledger } from "../store/ledger.ts";
import type { Messages } from "../store/messages.ts";
import type { OpenWork } from "../store/openWork.ts";
import type { RelayHealthStore } from "../store/relayHealth.ts";
import type { RelayPermits } from "../store/relayPermits.ts";
import type { RelayWatch } from "../store/relayWatch.ts";
import type { Log } from "../telemetry/logger.ts";

export type WayOptions = {
  relay: string;
  /** The relays that may carry a recipient (by index) of a message now, in order of preference. */
  relaysFor(message: Message, recipient: number): readonly string[];
  ledger: Pick<Ledger, "reroute" | "postpone" | "clock">;
  messages: Pick<Messages, "find">;
  openWork: Pick<OpenWork, "depth">;
  health: Pick<RelayHealthStore, "fault" | "success">;
  permits: Pick<RelayPermits, "slowDown">;
  watch: Pick<RelayWatch, "of" | "isUp" | "look">;
  wake(planned: PlannedWakeUp[]): void;
  /** At which pace mail goes now, in milliseconds a message. */
  paceMs(): number;
  /** Told of every dispatch that another relay has now. */
  observeRedirected(): void;
  /** Takes no new wake-ups for so many milliseconds. */
  rest(forMs: number): void;
  log: Log;
};

export type Way = {
  isUp(): boolean;
  /** By an operator: nothing new may be begun, whatever connections there are. */
  isPaused(): boolean;
  /**
   * What becomes of a dispatch that cannot go this way: it is given to the next relay of its route, or looked at again later without
   * counting a try. Returns milliseconds after which to look at this very wake-up again, or undefined when it is done.
   * @param spentForMs the relay takes nothing for so long, for another reason than its health
   */
  redirect(wake: WakeUp, spentForMs?: number): Promise<number | undefined>;
  /** The same right after an attempt that found no connection: true if another relay has it now. */
  handOver(wake: WakeUp): Promise<boolean>;
  /** No connection could be had. Resolves with how long the relay is suspended, or undefined. Never rejects. */
  failed(fault: RelayFault): Promise<number | undefined>;
  /** Mail went through. */
  worked(): void;
  /** The relay asked for fewer messages or connections. */
  slowDown(): void;
  isSlowed(): boolean;
};

/** A relay with so many waiting is given no more of another's mail until it has worked some off. */
const crowd = 2_000;
const crowdedRestMs = 500;
/** While nothing says when the relay will be back. */
const holdMs = 5_000;
/** How often a relay that works is said to. */
const wordEveryMs = 1_000;

/** Opens the way to a relay. */
export function createWay(options: WayOptions): Way {
  const { relay, relaysFor, ledger, messages, openWork, health, permits, watch, wake, paceMs, observeRedirected, rest, log } = options;
  const depths = new Map<string, { waiting: number; at: number }>();
  let saidAt = 0;
  let slowedUntil = 0;

  async function isCrowded(target: string): Promise<boolean> {
    const known = depths.get(target);
    if (known && performance.now() - known.at < crowdedRestMs) return known.waiting > crowd;
    const { waiting } = await openWork.depth(target);
    depths.set(target, { waiting, at: performance.now() });
    return waiting > crowd;
  }

  /** The next relay of the dispatch's route that is up; a dispatch goes on as a whole, by the route of its first open recipient. */
  function alternative(message: Message, dispatch: number): string | undefined {
    const recipient = message.state.recipients.findIndex((it) => it.dispatch === dispatch && isOpen(it.status));
    if (recipient === -1) return undefined;
    return relaysFor(message, recipient).find((name) => name !== relay && watch.isUp(name));
  }

  async function give(message: Message, { messageId, dispatch }: WakeUp, target: string): Promise<boolean> {
    const moved = await ledger.reroute(messageId, dispatch, relay, target);
    if (!moved) return false;
    observeRedirected();
    const delayMs = Math.max(0, (message.state.send_at ?? 0) - ledger.clock.now());
    wake([{ wake: moved, relay: target, lane: message.record.lane, delayMs, retry: false }]);
    return true;
  }

  async function postpone(message: Message, wakeUp: WakeUp, inMs: number): Promise<void> {
    const later = await ledger.postpone(wakeUp, inMs);
    if (later) wake([{ wake: later, relay, lane: message.record.lane, delayMs: inMs, retry: true }]);
  }

  const downForMs = () => {
    const { condition, suspendedUntil } = watch.of(relay);
    if (condition === "suspended" && suspendedUntil !== undefined) return Math.max(0, suspendedUntil - ledger.clock.now());
    return holdMs;
  };

  return {
    isUp: () => watch.isUp(relay),
    isPaused: () => watch.of(relay).condition === "paused",

    async redirect(wakeUp, spentForMs) {
      const message = await messages.find(wakeUp.messageId);
      if (message?.state.dispatches[wakeUp.dispatch]?.generation !== wakeUp.generation) return undefined;
      const target = alternative(message, wakeUp.dispatch);
      if (target !== undefined && (await isCrowded(target))) {
        rest(crowdedRestMs);
        return crowdedRestMs;
      }
      if (target !== undefined) {
        // One that is being sent by a worker that is not certainly gone stays here, to be looked at again.
        return (await give(message, wakeUp, target)) ? undefined : holdMs;
      }
      const soonestMs = spentForMs ?? downForMs();
      await postpone(message, wakeUp, soonestMs + Math.random() * Math.min(soonestMs, holdMs));
      return undefined;
    },

    async handOver(wakeUp) {
      try {
        const message = await messages.find(wakeUp.messageId);
        const target = message && alternative(message, wakeUp.dispatch);
        if (!message || target === undefined || (await isCrowded(target))) return false;
        return await give(message, wakeUp, target);
      } catch (error) {
        log.debug({ err: error, message_id: wakeUp.messageId }, "a dispatch could not be given to another relay; it is tried again here");
        return false;
      }
    },

    async failed(fault) {
      const answer = await health.fault(relay, fault).catch(() => undefined);
      if (answer?.began) {
        const { phase, text, reply } = fault;
        log.warn(
          { phase, reason: text, code: reply?.code, for_ms: answer.suspendedForMs },
          "the relay is suspended: it could not be talked to",
        );
      }
      if (answer?.suspendedForMs !== undefined) await watch.look();
      return answer?.suspendedForMs;
    },

    worked() {
      const now = performance.now();
      const isKnownBad = watch.of(relay).condition === "suspended";
      if (now - saidAt < (isKnownBad ? 100 : wordEveryMs)) return;
      saidAt = now;
      health
        .success(relay)
        .then((wasSuspended) => (wasSuspended ? watch.look() : undefined))
        .catch(() => undefined);
    },

    slowDown() {
      slowedUntil = performance.now() + 5_000;
      permits
        .slowDown(relay, paceMs())
        .then((intervalMs) => {
          log.info({ interval_ms: Math.round(intervalMs) }, "the relay asked to be sent to more slowly");
        })
        .catch(() => undefined);
    },

    isSlowed: () => performance.now() < slowedUntil || watch.of(relay).isSlowed,
  };
}
