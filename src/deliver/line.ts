// One relay's line: its pool, its gate, its way, and the two consumers that feed it.
import { pacesOf } from "../domain/pace.ts";
import type { RelayConfig, RelayFault, Timeouts } from "../domain/relay.ts";
import { type ConsumerOptions, consume } from "../queue/consumer.ts";
import { tracks } from "../queue/names.ts";
import { openRelay, type Relay, type SessionParts } from "../relay/pool.ts";
import type { Ledger } from "../store/ledger.ts";
import type { RelayHealthStore } from "../store/relayHealth.ts";
import type { RelayPermits } from "../store/relayPermits.ts";
import type { RelayWatch } from "../store/relayWatch.ts";
import type { Log } from "../telemetry/logger.ts";
import { type DeliverDependencies, deliver } from "./deliver.ts";
import { createDomainLimits } from "./domainLimits.ts";
import { createPace } from "./pace.ts";
import { createShare } from "./share.ts";
import { createWay, type WayOptions } from "./way.ts";

/** What the fleet knows together, as the lines of one process use it. */
export type Fleet = {
  health: RelayHealthStore;
  permits: RelayPermits;
  watch: RelayWatch;
  /** Whether any route names another relay beside this one: then mail that finds it shut is given away, else it waits in the queue. */
  hasAlternatives(relay: string): boolean;
};

export type LineOptions = Omit<
  DeliverDependencies,
  "ledger" | "relay" | "relayName" | "returnPath" | "pace" | "way" | "domains" | "urgent" | "crowdedOut"
> &
  Pick<WayOptions, "relaysFor" | "openWork" | "messages" | "observeRedirected"> &
  Fleet & {
    ledger: Ledger;
    /** What a relay's sessions need beside its configuration. */
    sessionParts(relay: RelayConfig): SessionParts;
    config: RelayConfig;
    timeouts: Timeouts;
    queue: Pick<ConsumerOptions, "connection" | "prefix">;
    log: Log;
  };

export type Line = {
  name: string;
  stats(): ReturnType<Relay["stats"]>;
  /** Takes nothing new, and waits for what is under way, at most so long. */
  drain(graceMs: number): Promise<void>;
  /** Ends its connections. */
  close(graceMs: number): Promise<void>;
};

/** Long enough that a busy event loop renews its locks in time. Losing one is harmless: the ledger says that the dispatch is busy. */
const lockMsMax = 10_000;

/** A worker that is not heard of for so long holds no connections any more. */
const shareLeaseMsMax = 20_000;
const shareRenewMsMax = 1_000;

/** How often a suspended relay is thought of, and a place asked for that others have. */
const attendMs = 250;

/** Starts a relay's line. */
export function startLine(options: LineOptions): Line {
  const { config, timeouts, queue, owner, ledger, health, permits, watch, hasAlternatives, sessionParts, stopping, log, ...rest } = options;
  const { name, connections, limits } = config;
  const leaseMs = Math.min(timeouts.ownerLease, shareLeaseMsMax);
  const renewMs = Math.min(shareRenewMsMax, leaseMs / 4);
  const share = createShare(
    (held, wanted) => permits.share({ relay: name, limit: connections, leaseMs, owner: owner.id }, held, wanted),
    renewMs,
  );
  const relay = openRelay({ config, timeouts, log, share, ...sessionParts(config) });
  const paces = limits ? pacesOf(limits.rates, limits.burst) : [];
  const pace = createPace({
    ...{ relay: name, limits, permits, now: ledger.clock.now },
    isSlowed: () => way.isSlowed(),
    room: () => {
      const { busy, waiting } = relay.stats();
      return connections - busy - waiting;
    },
  });
  const way = createWay({
    ...{ ...rest, relay: name, ledger, health, permits, watch, log },
    paceMs: () => Math.max(0, ...paces.map((it) => it.intervalMs), pace.observedIntervalMs() ?? observedMsDefault),
    rest: (forMs) => {
      restingUntil = performance.now() + forMs;
      attend();
      setTimeout(attend, forMs + 1).unref();
    },
  });
  const domains = createDomainLimits({
    ...{ relay: name, limits, permits, ledger, leaseMs, renewMs, owner: owner.id },
    messages: rest.messages,
  });

  let restingUntil = 0;
  /** Other workers have all connections: what this one took from the queue went back, and it takes no more until it has a place. */
  let isCrowdedOut = false;
  let isTaking = true;
  const consumers = tracks.map((track) => {
    const dependencies: DeliverDependencies = {
      ...{ ...rest, ledger, owner, relay, relayName: name, returnPath: config.returnPath ?? "own", pace, way, domains, stopping, log },
      urgent: track === "first",
      crowdedOut: () => {
        isCrowdedOut = true;
        attend();
      },
    };
    return consume({
      ...queue,
      ...{ relay: name, track, log },
      // While one attempt waits for its last reply, or is being recorded, its connection already serves the next.
      concurrency: 2 * connections + Math.min(connections, 10),
      // Before the lease ends nobody may go on with what a dead worker had claimed; what it had not claimed need not wait for that.
      lockMs: Math.min(timeouts.ownerLease / 2, lockMsMax),
      now: ledger.clock.now,
      handle: (wakeUp) => deliver(dependencies, wakeUp),
    });
  });

  /** Takes from the queues or does not, as things are. */
  function attend(): void {
    const shut = !watch.isUp(name) && !hasAlternatives(name);
    const shouldTake = !stopping.aborted && !shut && !isCrowdedOut && performance.now() >= restingUntil;
    if (shouldTake === isTaking) return;
    isTaking = shouldTake;
    for (const consumer of consumers) shouldTake ? consumer.resume() : consumer.pause();
  }

  /** Opens a session, or takes one that is there, and gives it back. */
  async function tryOnce(): Promise<"works" | "elsewhere" | RelayFault> {
    const acquired = await relay.acquire(stopping);
    if (!acquired.ok) return acquired.elsewhere ? "elsewhere" : acquired.fault;
    acquired.session.release();
    return "works";
  }

  async function probe(): Promise<void> {
    const { condition, suspendedUntil = 0 } = watch.of(name);
    if (condition !== "suspended" || suspendedUntil > ledger.clock.now()) return;
    if (!(await health.mayProbe(name, owner.id))) return;
    const found = await tryOnce();
    if (stopping.aborted || found === "elsewhere") return;
    if (found === "works") {
      await health.success(name);
      log.info({}, "the relay works again");
    } else await health.probeFailed(name, found, owner.id);
    await watch.look();
  }

  async function returnToWork(): Promise<void> {
    if (isCrowdedOut && (await tryOnce()) !== "elsewhere") isCrowdedOut = false;
  }

  let isAttending = false;
  const timer = setInterval(() => {
    attend();
    if (isAttending) return;
    isAttending = true;
    Promise.all([probe(), returnToWork()])
      .catch((error: unknown) => log.debug({ err: error }, "a relay could not be seen to; again in a moment"))
      .finally(() => {
        isAttending = false;
        attend();
      });
  }, attendMs);
  timer.unref();
  watch.onChange((changed, isUp) => {
    if (changed !== name) return;
    attend();
    if (!isUp && hasAlternatives(name)) pace.dismiss();
  });

  return {
    name,
    stats: relay.stats,
    async drain(graceMs) {
      clearInterval(timer);
      pace.dismiss();
      await Promise.all(consumers.map((consumer) => consumer.stop(graceMs)));
    },
    async close(graceMs) {
      await relay.close(graceMs);
      await Promise.all([share.end(), domains.end()]);
    },
  };
}

/** Where nothing was sent for a while, a relay that asks to be slowed down is taken to have been sent to at this pace. */
const observedMsDefault = 100;
