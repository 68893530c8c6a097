// The room's front: a pool of sessions to one relay, and a send that gives an outcome for each recipient.
import type { RelayConfig, RelayFault, Timeouts } from "../domain/relay.ts";
import type { Log } from "../telemetry/logger.ts";
import { connect } from "./connect.ts";
import type { Sign } from "./dkim.ts";
import { createFollowing } from "./following.ts";
import { createPlaces, type PlaceShare } from "./places.ts";
import { createSession, type RelaySession } from "./session.ts";
import { tlsContextOf } from "./tlsContext.ts";
import { createTokenSource, type TokenShelf } from "./tokens.ts";

export type { RelaySession } from "./session.ts";
export type { Transaction } from "./transaction.ts";

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

/** What sessions need that is not in the configuration. */
export type SessionParts = {
  /** Makes the DKIM fields of each mail; without it nothing is signed. */
  sign?: Sign | undefined;
  /** Where the fleet shares this relay's access tokens; without it each process asks for its own. */
  tokenShelf?: TokenShelf | undefined;
};

/**
 * Opens a relay. Nothing is connected before the first `acquire`.
 * @param options.clientName what we call ourselves in EHLO; default this machine's name
 * @param options.share this process's share of the connections; all are its own where it is missing
 * @param options.idleMs a session that nobody asks for is closed after this time; default 30 s, before most relays close it themselves
 * @throws Error if a certificate or a key of its TLS options cannot be read
 */
export function openRelay(
  options: { config: RelayConfig; timeouts: Timeouts; log: Log; clientName?: string; idleMs?: number; share?: PlaceShare } & SessionParts,
): Relay {
  const { config, timeouts, clientName, sign, tokenShelf: shelf, idleMs = 30_000, share } = options;
  const { auth, proxy, tlsOptions } = config;
  const secureContext = tlsOptions && tlsContextOf(tlsOptions);
  // The session waits meanwhile, and a second request may follow the first.
  const timeoutMs = Math.min(timeouts.connect, Math.ceil(timeouts.command / 3));
  const tokens = auth?.token && createTokenSource({ grant: auth.token, ask: { user: auth.user, proxy, timeoutMs }, shelf });
  const log = options.log.child({ relay: config.name });
  const following = createFollowing();
  const places = createPlaces({
    following,
    connectionsMax: config.connections,
    share,
    messagesPerConnection: config.limits?.messagesPerConnection,
    open: () => connect({ config, timeouts, clientName, secureContext, tokens }),
    idleMs,
    log,
  });
  return {
    async acquire(signal, urgent) {
      const acquired = await places.acquire(signal, urgent);
      return acquired.ok ? { ok: true, session: createSession({ loan: acquired.loan, config, timeouts, sign, following, log }) } : acquired;
    },
    stats: places.stats,
    close: places.close,
  };
}
