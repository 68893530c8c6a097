// The room's front: a pool of sessions to one relay, and a send that gives an outcome for each recipient.
import type { ConnectionFacts, RelayConfig, RelayFault, Timeouts } from "../domain/relay.ts";
import type { Log } from "../telemetry/logger.ts";
import { connect, trustIn } from "./connect.ts";
import { createPlaces, type Loan, type PlaceShare } from "./places.ts";
import { type Attempted, type Mail, type Transaction, transact } from "./transaction.ts";

export type { Mail, Transaction } from "./transaction.ts";

export type Relay = {
  /**
   * A session ready to send (connected, EHLO, TLS as configured, logged in), or why there is none. While all connections are busy it waits,
   * in order of asking, the urgent (the default) first, until the signal says that nobody waits any more. `elsewhere`: other workers have
   * all connections, nothing is wrong with the relay. Never rejects.
   */
  acquire(
    signal?: AbortSignal,
    urgent?: boolean,
  ): Promise<{ ok: true; session: RelaySession } | { ok: false; fault: RelayFault; elsewhere?: true }>;
  /** `open` counts all connections, those on their way in or out too; `busy` those that are lent; `waiting` who waits for one. */
  stats(): { open: number; busy: number; waiting: number };
  /** Says QUIT on idle sessions, waits for the busy ones, and ends after `graceMs` what is left. Resolves when no connection is open. Idempotent. */
  close(graceMs: number): Promise<void>;
};

export type RelaySession = {
  /** Of the connection as it is now. */
  readonly facts: ConnectionFacts;
  /**
   * Sends one mail; one at a time. Every end of the dialogue is an outcome, it never rejects for one. If the connection had been idle and
   * turns out to be dead at the first command, the mail goes over a new one, once.
   * @throws Error (a rejection) when the session was released, or is still sending
   */
  send(mail: Mail): Promise<Transaction>;
  /** Gives the session back; idempotent. While it sends, that cuts the connection. */
  release(): void;
};

/**
 * Opens a relay. Nothing is connected before the first `acquire`.
 * @param options.clientName what we call ourselves in EHLO; default this machine's name
 * @param options.trustedCertificates certificates (PEM) to trust besides the public ones; NODE_EXTRA_CA_CERTS counts where none are given
 * @param options.share this process's share of the connections; all are its own where it is missing
 * @param options.idleMs a session that nobody asks for is closed after this time; default 30 s, before most relays close it themselves
 * @throws Error if `trustedCertificates` cannot be read
 */
export function openRelay(options: {
  config: RelayConfig;
  timeouts: Timeouts;
  log: Log;
  clientName?: string;
  trustedCertificates?: string;
  idleMs?: number;
  share?: PlaceShare;
}): Relay {
  const { config, timeouts, clientName, trustedCertificates, idleMs = 30_000, share } = options;
  const secureContext = trustedCertificates === undefined ? undefined : trustIn(trustedCertificates);
  const log = options.log.child({ relay: config.name });
  const places = createPlaces({
    connectionsMax: config.connections,
    share,
    open: () => connect({ config, timeouts, clientName, secureContext }),
    idleMs,
    log,
  });
  return {
    async acquire(signal, urgent) {
      const acquired = await places.acquire(signal, urgent);
      return acquired.ok ? { ok: true, session: createSession({ loan: acquired.loan, config, timeouts, log }) } : acquired;
    },
    stats: places.stats,
    close: places.close,
  };
}

function createSession({ loan, config, timeouts, log }: { loan: Loan; config: RelayConfig; timeouts: Timeouts; log: Log }): RelaySession {
  let state: "free" | "sending" | "released" = "free";

  const attempt = async (mail: Mail): Promise<Transaction> => {
    const startedAt = performance.now();
    const once = () => transact({ connection: loan.connection(), mail, timeouts, host: config.host, startedAt });
    // If the relay does not agree, the connection is gone, and the mail goes over a new one.
    if (loan.connection().mustReset) await loan.connection().reset(timeouts.command);
    let attempted: Attempted = await once();
    if (attempted.stale && state === "sending") {
      log.debug({ reason: loan.connection().lostBecause }, "idle session was dead, connecting anew");
      const fault = await loan.reconnect();
      if (fault) return withoutConnection({ ...attempted.transaction, fault });
      attempted = await once();
    }
    if (attempted.cause !== undefined) log.warn({ err: attempted.cause }, "the check before the final dot failed");
    return attempted.transaction;
  };

  return {
    get facts() {
      const { facts, transactions } = loan.connection();
      return { ...facts, reused: transactions > 0 };
    },
    async send(mail) {
      if (state !== "free")
        throw new Error(state === "sending" ? "a relay session sends one mail at a time" : "the relay session was released");
      state = "sending";
      try {
        return await attempt(mail);
      } finally {
        if (state === "sending") state = "free";
      }
    },
    release() {
      if (state === "sending") loan.connection().destroy("The session was released while it was sending.");
      state = "released";
      loan.giveBack();
    },
  };
}

/** A transaction whose connection was dead and could not be made anew: nothing was sent to anyone that we did not refuse ourselves. */
function withoutConnection({ fault, ...transaction }: Transaction & { fault: RelayFault }): Transaction {
  const outcomes = transaction.outcomes.map((outcome) => (outcome.kind === "refused" ? outcome : ({ kind: "not_sent", fault } as const)));
  return { ...transaction, outcomes };
}
