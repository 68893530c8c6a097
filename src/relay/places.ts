// The places of the pool: which connection is idle, lent or on its way, and who waits for one.
// Not nodemailer's pool: a claim in the ledger must be made with a connection already in hand, which that one does not give out, and only
// our own body stream knows whether the whole body was handed over (see body.ts).
import type { RelayFault } from "../domain/relay.ts";
import type { Log } from "../telemetry/logger.ts";
import type { RelayConnection } from "./connection.ts";

/** Relays limit the messages of one connection; many at 100. */
const messagesPerConnectionDefault = 100;
const quitMsMax = 5_000;
/** A connection that takes longer than this to set up is no longer counted on: another one is tried meanwhile. */
const briskMsMax = 1_000;
/** After a failed connect, while other sessions work: relays often allow fewer connections than they are asked for. */
const holdOffMs = 5_000;

/** One of the relay's `connections`. */
type Place = { connection: RelayConnection; state: "connecting" | "idle" | "busy" | "leaving"; idleSince: number };

/** A place lent out. */
export type Loan = {
  /** The session now; another one after `reconnect`. It may be lost at any time. */
  connection(): RelayConnection;
  /** Opens a new session in this place, for one that is lost; only before `giveBack`. */
  reconnect(): Promise<RelayFault | undefined>;
  giveBack(): void;
};

export type Acquired = { ok: true; loan: Loan } | { ok: false; fault: RelayFault };

export type Places = {
  acquire(signal?: AbortSignal): Promise<Acquired>;
  stats(): { open: number; busy: number; waiting: number };
  close(graceMs: number): Promise<void>;
};

/**
 * Makes the places, all empty. A connection is opened when one is asked for; they are lent in the order of asking.
 * @param options.connectionsMax how many; a session on its way in or out takes one too
 * @param options.messagesPerConnection a session is closed after so many transactions; default 100
 * @param options.open begins to open a session; `ready` must not reject
 * @param options.idleMs a session that nobody asks for is closed after this time
 */
export function createPlaces(options: {
  connectionsMax: number;
  messagesPerConnection?: number | undefined;
  open: () => { connection: RelayConnection; ready: Promise<RelayFault | undefined> };
  idleMs: number;
  log: Log;
}): Places {
  const { connectionsMax, messagesPerConnection = messagesPerConnectionDefault, open, idleMs, log } = options;
  const places = new Set<Place>();
  const idle: Place[] = [];
  const waiters = new Set<(acquired: Acquired) => void>();
  /** Connects under way that should soon be done. */
  let brisk = 0;
  let heldOffUntil = 0;
  let sweep: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
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
  };

  const adopt = (place: Place, connection: RelayConnection) => {
    place.connection = connection;
    // One that is lent, or not yet ready, is removed by whoever waits for it.
    connection.onGone = () => {
      if (place.state === "idle" || place.state === "leaving") remove(place);
    };
  };

  const leave = (place: Place) => {
    place.state = "leaving";
    place.connection.quit(quitMsMax);
  };

  const lend = (place: Place): Loan => {
    place.state = "busy";
    let isBack = false;
    return {
      connection: () => place.connection,
      async reconnect() {
        if (isClosing) return closed;
        const { connection, ready } = open();
        adopt(place, connection);
        return ready;
      },
      giveBack() {
        if (isBack) return;
        isBack = true;
        const { connection } = place;
        if (connection.transactions >= messagesPerConnection && connection.lostBecause === undefined) return leave(place);
        offer(place);
      },
    };
  };

  /** Hands a free session to whoever waits longest, or keeps it for the next one. */
  const offer = (place: Place) => {
    if (place.connection.lostBecause !== undefined) return remove(place);
    if (isClosing) return leave(place);
    const [next] = waiters;
    if (next) {
      waiters.delete(next);
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
    const place: Place = { connection, state: "connecting", idleSince: 0 };
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
    for (const waiter of [...waiters].slice(0, onTheirWay ? 1 : undefined)) {
      waiters.delete(waiter);
      waiter({ ok: false, fault });
    }
  };

  /** Opens connections for those who wait, as far as there are places. */
  const pump = () => {
    while (!isClosing && waiters.size > brisk && places.size < connectionsMax) {
      if (performance.now() < heldOffUntil && [...places].some(({ state }) => state === "busy")) return;
      startConnect();
    }
  };

  return {
    acquire(signal) {
      if (isClosing) return Promise.resolve({ ok: false, fault: closed });
      if (signal?.aborted) return Promise.resolve({ ok: false, fault: abandoned });
      const place = waiters.size === 0 ? idle.pop() : undefined;
      if (place) return Promise.resolve({ ok: true, loan: lend(place) });
      return new Promise((resolve) => {
        const abandon = () => {
          waiters.delete(serve);
          resolve({ ok: false, fault: abandoned });
        };
        const serve = (acquired: Acquired) => {
          signal?.removeEventListener("abort", abandon);
          resolve(acquired);
        };
        signal?.addEventListener("abort", abandon, { once: true });
        waiters.add(serve);
        pump();
      });
    },
    stats() {
      let busy = 0;
      for (const { state } of places) if (state === "busy") busy++;
      return { open: places.size, busy, waiting: waiters.size };
    },
    async close(graceMs) {
      if (isClosing) return empty;
      isClosing = true;
      clearTimeout(sweep);
      clearTimeout(retry);
      for (const waiter of waiters) waiter({ ok: false, fault: closed });
      waiters.clear();
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
const abandoned: RelayFault = { phase: "connect", text: "No session came free while it was waited for." };
