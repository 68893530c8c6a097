// The places of the pool: which connection is idle, lent or on its way, and who waits for one.
// A claim in the ledger is made with a connection in hand, and that may be one whose last message has only its reply to come.
import type { RelayFault } from "../domain/relay.ts";
import type { Log } from "../telemetry/logger.ts";
import type { RelayConnection } from "./connection.ts";
import type { Following } from "./following.ts";

/** Relays limit the messages of one connection; many at 100. */
const messagesPerConnectionDefault = 100;
const quitMsMax = 5_000;
/** A connection that takes longer than this to set up is no longer counted on: another one is tried meanwhile. */
const briskMsMax = 1_000;
/** After a failed connect, while other sessions work: relays often allow fewer connections than they are asked for. */
const holdOffMs = 5_000;

type Waiter = (acquired: Acquired) => void;

/** A place that came free is given back to the fleet after this, should nobody take it at once. */
const giveBackMs = 200;
/** A refused share is asked for again after this. */
const askAgainMs = 250;

/** One of the relay's `connections`. `loans`: how many have it: two, while the first of them has only a reply to come (`isShared`). */
type Place = {
  connection: RelayConnection;
  state: "connecting" | "idle" | "busy" | "leaving";
  idleSince: number;
  loans: number;
  isShared: boolean;
};

/** A place lent out. */
export type Loan = {
  /** The session now; another one after `reconnect`. It may be lost at any time. */
  connection(): RelayConnection;
  /** Opens a new session in this place, for one that is lost; only before `giveBack`. */
  reconnect(): Promise<RelayFault | undefined>;
  /** Only its last reply is to come: another one may have the place too. */
  share(): void;
  giveBack(): void;
};

/** `elsewhere`: other workers have all the relay's connections; nothing is wrong with it. */
export type Acquired = { ok: true; loan: Loan } | { ok: false; fault: RelayFault; elsewhere?: true };

/** How many places this process may have of those that all processes share; see deliver/share.ts. */
export type PlaceShare = {
  allowed(): number;
  attach(holder: { needs(): { held: number; wanted: number }; onAnswer(): void }): void;
  tell(): Promise<void>;
};

export type Places = {
  acquire(signal?: AbortSignal, urgent?: boolean): Promise<Acquired>;
  stats(): { open: number; busy: number; waiting: number };
  close(graceMs: number): Promise<void>;
};

/**
 * Makes the places, all empty. A connection is opened when one is asked for; they are lent in the order of asking, to the urgent first.
 * @param options.connectionsMax how many; a session on its way in or out takes one too
 * @param options.following whether a place may be lent whose message has only its reply to come; then that is better than to wait
 * @param options.share how many of them are this process's; all, where it is missing
 * @param options.messagesPerConnection a session is closed after so many transactions; default 100
 * @param options.open begins to open a session; `ready` must not reject
 * @param options.idleMs a session that nobody asks for is closed after this time
 */
export function createPlaces(options: {
  connectionsMax: number;
  following: Following;
  share?: PlaceShare | undefined;
  messagesPerConnection?: number | undefined;
  open: () => { connection: RelayConnection; ready: Promise<RelayFault | undefined> };
  idleMs: number;
  log: Log;
}): Places {
  const { connectionsMax, messagesPerConnection = messagesPerConnectionDefault, following, share, open, idleMs, log } = options;
  const places = new Set<Place>();
  const idle: Place[] = [];
  /** Lent to one whose message has only its reply to come, and to nobody else; the longest at the front. */
  const shareable = new Set<Place>();
  const urgentWaiters = new Set<Waiter>();
  const otherWaiters = new Set<Waiter>();
  const waiting = () => urgentWaiters.size + otherWaiters.size;
  const allWaiters = () => [...urgentWaiters, ...otherWaiters];
  const dismiss = (waiter: Waiter) => urgentWaiters.delete(waiter) || otherWaiters.delete(waiter);
  /** Connects under way that should soon be done. */
  let brisk = 0;
  let heldOffUntil = 0;
  let sweep: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let tellTimer: NodeJS.Timeout | undefined;
  let refusedAt = -askAgainMs;
  let isClosing = false;
  let onEmpty = () => {};
  const empty = new Promise<void>((resolve) => {
    onEmpty = resolve;
  });

  const remove = (place: Place) => {
    if (!places.delete(place)) return;
    const index = idle.indexOf(place);
    if (index >= 0) idle.splice(index, 1);
    if (isClosing && places.size === 0) onEmpty();
    pump();
    tellSoon();
  };

  const adopt = (place: Place, connection: RelayConnection) => {
    place.connection = connection;
    // One that is lent, or not yet ready, is removed by whoever waits for it.
    connection.onGone = () => {
      if (place.connection === connection && (place.state === "idle" || place.state === "leaving")) remove(place);
    };
  };

  const leave = (place: Place) => {
    place.state = "leaving";
    place.connection.quit(quitMsMax);
  };

  const lend = (place: Place): Loan => {
    place.state = "busy";
    place.loans++;
    shareable.delete(place);
    let { connection } = place;
    let isBack = false;
    let isSharing = false;
    return {
      connection: () => connection,
      async reconnect() {
        if (isClosing) return closed;
        const opened = open();
        connection = opened.connection;
        adopt(place, connection);
        return opened.ready;
      },
      share() {
        isSharing = true;
        place.isShared = true;
        shareOut(place);
      },
      giveBack() {
        if (isBack) return;
        isBack = true;
        place.loans--;
        shareable.delete(place);
        // Even if who came behind us shares it already: of three in a row too many would be in hand when a worker is killed (ADR 0016).
        if (isSharing) place.isShared = false;
        // Who has it behind us goes on; or who had it before us still waits, and may be followed by another one.
        if (place.loans > 0) return shareOut(place);
        const isUsedUp = place.connection.transactions >= messagesPerConnection || isSurplus();
        if (isUsedUp && place.connection.lostBecause === undefined) return leave(place);
        offer(place);
      },
    };
  };

  /** Lends a place also to the one who waits longest, or as soon as somebody does, if it is shared at all. */
  const shareOut = (place: Place) => {
    if (!place.isShared || place.loans > 1) return;
    shareable.add(place);
    const [next] = allWaiters();
    if (!next || !mayFollow(place)) return;
    dismiss(next);
    next({ ok: true, loan: lend(place) });
  };

  /** Only where no other connection is to be had: on one that is free nobody waits for another one's reply. */
  const mayFollow = ({ connection }: Place) =>
    following.isOn() &&
    places.size >= allowed() &&
    !isClosing &&
    !isSurplus() &&
    connection.features.pipelining &&
    connection.isAwaited &&
    connection.isReady &&
    connection.transactions < messagesPerConnection;

  const takeShared = () => {
    for (const place of shareable) if (mayFollow(place)) return place;
    return undefined;
  };

  /** Hands a free session to whoever waits longest, or keeps it for the next one. */
  const offer = (place: Place) => {
    if (place.connection.lostBecause !== undefined) return remove(place);
    if (isClosing) return leave(place);
    const [next] = allWaiters();
    if (next) {
      dismiss(next);
      next({ ok: true, loan: lend(place) });
      return;
    }
    place.state = "idle";
    place.idleSince = performance.now();
    idle.push(place);
    sweep ??= setTimeout(sweepIdle, idleMs).unref();
  };

  const sweepIdle = () => {
    sweep = undefined;
    const now = performance.now();
    // The one that was used last is lent first, so the oldest are at the front.
    while (idle[0] && now - idle[0].idleSince >= idleMs - 1) leave(idle.shift() as Place);
    if (idle[0]) sweep = setTimeout(sweepIdle, idle[0].idleSince + idleMs - now).unref();
  };

  const startConnect = () => {
    const { connection, ready } = open();
    const place: Place = { connection, state: "connecting", idleSince: 0, loans: 0, isShared: false };
    adopt(place, connection);
    places.add(place);
    let isBrisk = true;
    brisk++;
    const noLongerBrisk = () => {
      if (isBrisk) brisk--;
      isBrisk = false;
    };
    const slow = setTimeout(() => {
      noLongerBrisk();
      pump();
    }, briskMsMax).unref();
    void ready.then((fault) => {
      clearTimeout(slow);
      noLongerBrisk();
      if (!fault) return offer(place);
      places.delete(place);
      if (!isClosing) fail(fault);
      else if (places.size === 0) onEmpty();
      pump();
      tellSoon();
    });
  };

  /** While other sessions work, the waiters wait for those. While others are on their way, one is told what is wrong, else all. */
  const fail = (fault: RelayFault) => {
    const others = [...places];
    const works = others.some(({ state, connection }) => state === "busy" && connection.lostBecause === undefined);
    log.debug({ phase: fault.phase, reason: fault.text, code: fault.reply?.code, works }, "no further session");
    if (works) {
      heldOffUntil = performance.now() + holdOffMs;
      retry ??= setTimeout(() => {
        retry = undefined;
        pump();
      }, holdOffMs).unref();
      return;
    }
    const onTheirWay = others.some(({ state }) => state === "connecting");
    for (const waiter of allWaiters().slice(0, onTheirWay ? 1 : undefined)) {
      dismiss(waiter);
      waiter({ ok: false, fault });
    }
  };

  const allowed = () => (share ? Math.min(share.allowed(), connectionsMax) : connectionsMax);
  /** Others want a place of ours: it is left when it comes back. One on its way out counts until it is gone. */
  const isSurplus = () => [...places].filter(({ state }) => state !== "leaving").length > allowed();

  /** Opens connections for those who wait, as far as there are places. */
  const pump = () => {
    while (!isClosing && waiting() > brisk && places.size < allowed()) {
      if (performance.now() < heldOffUntil && [...places].some(({ state }) => state === "busy")) return;
      startConnect();
    }
    if (share && waiting() > brisk && places.size < connectionsMax && places.size >= allowed()) tellSoon(0);
  };

  /** Tells the fleet what is held and wanted. Again and again while more is wanted than may be had. */
  const tellSoon = (afterMs = giveBackMs) => {
    if (!share || isClosing) return;
    if (tellTimer && afterMs > 0) return;
    clearTimeout(tellTimer);
    tellTimer = setTimeout(
      () => {
        tellTimer = undefined;
        void share.tell();
      },
      Math.max(afterMs, refusedAt + askAgainMs - performance.now()),
    );
    tellTimer.unref();
  };

  const needs = () => ({ held: places.size, wanted: Math.min(Math.max(0, waiting() - brisk), connectionsMax - places.size) });
  const onAnswer = () => {
    if (isClosing) return;
    while (idle.length > 0 && isSurplus()) leave(idle.shift() as Place);
    if (waiting() > brisk && places.size < connectionsMax && places.size >= allowed()) {
      refusedAt = performance.now();
      // Who has no place at all leaves the mail to those that have.
      if (places.size === 0) for (const waiter of allWaiters()) if (dismiss(waiter)) waiter({ ok: false, fault: taken, elsewhere: true });
    }
    pump();
    // What was granted and is not needed after all goes back.
    if (places.size < allowed()) tellSoon();
  };
  share?.attach({ needs, onAnswer });

  return {
    acquire(signal, urgent = true) {
      if (isClosing) return Promise.resolve({ ok: false, fault: closed });
      if (signal?.aborted) return Promise.resolve({ ok: false, fault: abandoned });
      const place = waiting() === 0 ? (idle.pop() ?? takeShared()) : undefined;
      if (place) return Promise.resolve({ ok: true, loan: lend(place) });
      return new Promise((resolve) => {
        const abandon = () => {
          dismiss(serve);
          resolve({ ok: false, fault: abandoned });
        };
        const serve: Waiter = (acquired) => {
          signal?.removeEventListener("abort", abandon);
          resolve(acquired);
        };
        signal?.addEventListener("abort", abandon, { once: true });
        (urgent ? urgentWaiters : otherWaiters).add(serve);
        pump();
      });
    },
    stats() {
      let busy = 0;
      for (const { state } of places) if (state === "busy") busy++;
      return { open: places.size, busy, waiting: waiting() };
    },
    async close(graceMs) {
      if (isClosing) return empty;
      isClosing = true;
      clearTimeout(sweep);
      clearTimeout(retry);
      clearTimeout(tellTimer);
      for (const waiter of allWaiters()) {
        dismiss(waiter);
        waiter({ ok: false, fault: closed });
      }
      for (const place of idle.splice(0)) leave(place);
      for (const { state, connection } of places) if (state === "connecting") connection.destroy(closed.text);
      const force = setTimeout(() => {
        for (const place of places) {
          place.connection.destroy(closed.text);
          remove(place);
        }
      }, graceMs);
      if (places.size === 0) onEmpty();
      await empty;
      clearTimeout(force);
    },
  };
}

const closed: RelayFault = { phase: "connect", text: "Postern is shutting down: no new session is opened." };
const taken: RelayFault = { phase: "connect", text: "Other workers have all of the relay's connections." };
const abandoned: RelayFault = { phase: "connect", text: "No session came free while it was waited for." };
