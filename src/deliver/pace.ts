// The gate before a relay with rates: who comes waits here for a place in time, transactional mail first. One asker a process, so that
// a backlog costs the store one question at a time.
import { ceilingToday, pacesOf, withoutBurst } from "../domain/pace.ts";
import type { RelayLimits } from "../domain/relay.ts";
import type { Booking, RelayPermits } from "../store/relayPermits.ts";

/** A message may go, at any time before `lostAt` (by `performance.now()`): later its place is lost, and it has to pass again. */
export type Place = { kind: "go"; lostAt: number };

/**
 * `spent`: nothing more before then, in milliseconds from now. `shut`: the gate is closed for good, or what was waited with has ended.
 */
export type Passage = Place | { kind: "spent"; inMs: number } | { kind: "shut" };

export type Pace = {
  /**
   * Resolves when a message may go. Immediately where no limit applies. Never rejects.
   * @param options.connected whether it has its connection in hand, and waits for its place alone: then it comes before those that have none
   */
  pass(options: { urgent: boolean; connected: boolean }): Promise<Passage>;
  /** Something has changed for the better: a connection came free. */
  nudge(): void;
  /** Sends everybody away who waits. */
  dismiss(): void;
  /** Messages that passed within the last seconds, as milliseconds a message; undefined if none did. */
  observedIntervalMs(): number | undefined;
};

type Waiter = (passage: Passage) => void;

/** Goes at once, whenever that is. */
const unlimited: Passage = { kind: "go", lostAt: Number.POSITIVE_INFINITY };

/** How far ahead a place may be booked. A broadcast's booking is what a transactional message may have to wait for. */
const horizonMs = { urgent: 1_000, other: 200 };
/** A place that was missed by more is lost: made up for, it would crowd the seconds that follow. */
const missedMs = 25;
/** While the store does not answer. */
const storeAwayMs = 250;
/** Longest sleep between two questions; what changes meanwhile (a slow-down that is over) is noticed by then. */
const sleepMsMax = 1_000;
const observedMs = 5_000;
const countAtOnce = 20;

/**
 * @param options.limits absent: only the relay's own slow-down is heeded
 * @param options.isSlowed whether the relay asked to be slowed down, as this process knows
 * @param options.room how many messages could go at once now: connections that are free
 */
export function createPace(options: {
  relay: string;
  limits: RelayLimits | undefined;
  permits: Pick<RelayPermits, "book">;
  isSlowed(): boolean;
  room(): number;
  now(): number;
}): Pace {
  const { relay, limits, permits, isSlowed, room, now } = options;
  const paces = limits ? pacesOf(limits.rates, limits.burst) : [];
  const evenPaces = withoutBurst(paces);
  const isLimited = paces.length > 0 || limits?.warmUp !== undefined;
  /** In the order in which they are served; who has no connection yet is passed over while none is free. */
  const queues: { urgent: boolean; connected: boolean; waiters: Waiter[] }[] = [
    { urgent: true, connected: true, waiters: [] },
    { urgent: true, connected: false, waiters: [] },
    { urgent: false, connected: true, waiters: [] },
    { urgent: false, connected: false, waiters: [] },
  ];
  const passed: number[] = [];
  let running = false;
  let wakeUp = () => {};

  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, sleepMsMax));
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const isWaitedFor = () => queues.some(({ waiters }) => waiters.length > 0);
  /** How many of them could go now. */
  const servable = ({ connected, waiters }: (typeof queues)[number]) => (connected ? waiters.length : Math.min(waiters.length, room()));
  const dismissAll = (passage: Passage) => {
    for (const { waiters } of queues) for (const waiter of waiters.splice(0)) waiter(passage);
  };

  const passNext = (lostAt: number) => {
    const next = queues.find((queue) => servable(queue) > 0)?.waiters.shift();
    if (!next) return;
    note();
    next({ kind: "go", lostAt });
  };

  const note = () => {
    passed.push(performance.now());
    if (passed.length > 20_000) passed.splice(0, 10_000);
  };

  async function ask(isUrgent: boolean): Promise<Booking> {
    const ceiling = ceilingToday(limits?.warmUp, now());
    const count = queues.filter(({ urgent }) => urgent === isUrgent).reduce((sum, queue) => sum + Math.max(0, servable(queue)), 0);
    return permits.book(relay, {
      limits: isUrgent ? paces : evenPaces,
      count: Math.min(count, countAtOnce),
      horizonMs: isUrgent ? horizonMs.urgent : horizonMs.other,
      ...(ceiling && { ceiling }),
      heedsSlowDown: true,
    });
  }

  /** Serves those who wait until nobody does. */
  async function serve(): Promise<void> {
    while (isWaitedFor()) {
      const first = queues.find((queue) => servable(queue) > 0);
      if (!first) {
        await sleep(sleepMsMax);
        continue;
      }
      const booking = await ask(first.urgent).catch(() => undefined);
      if (!booking) await sleep(storeAwayMs);
      else if (booking.kind === "booked") await letThrough(booking);
      else if (booking.because === "ceiling") dismissAll({ kind: "spent", inMs: booking.inMs });
      else await sleep(booking.inMs);
    }
    running = false;
  }

  async function letThrough({ at, waitsMs }: Extract<Booking, { kind: "booked" }>): Promise<void> {
    const bookedAt = performance.now() - (now() - at);
    // A day's allowance that is missed would not come again before the next.
    const canBeMissed = paces.length > 0 && !limits?.warmUp;
    for (const waitMs of waitsMs) {
      const leftMs = () => bookedAt + waitMs - performance.now();
      if (leftMs() > 0.5) await new Promise((resolve) => setTimeout(resolve, leftMs()));
      const lostAt = canBeMissed ? bookedAt + waitMs + missedMs : Number.POSITIVE_INFINITY;
      if (performance.now() < lostAt) passNext(lostAt);
    }
  }

  return {
    pass({ urgent, connected }) {
      if (!isLimited && !isSlowed()) {
        note();
        return Promise.resolve(unlimited);
      }
      return new Promise((resolve) => {
        queues.find((queue) => queue.urgent === urgent && queue.connected === connected)?.waiters.push(resolve);
        if (urgent || connected) wakeUp();
        if (running) return;
        running = true;
        void serve();
      });
    },
    nudge: () => wakeUp(),
    dismiss() {
      dismissAll({ kind: "shut" });
      wakeUp();
    },
    observedIntervalMs() {
      const from = performance.now() - observedMs;
      const count =
        passed.length -
        Math.max(
          0,
          passed.findIndex((at) => at >= from),
        );
      return passed.at(-1) === undefined || (passed.at(-1) as number) < from ? undefined : observedMs / count;
    },
  };
}
