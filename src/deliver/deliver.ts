// The way out of one dispatch: a connection, a claim, one SMTP transaction, a record. What a crash does at each step is in the design, section 5.
import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { domainOf } from "../domain/address.ts";
import type { PlannedWakeUp } from "../domain/dispatching.ts";
import type { Lane, MessageRecord } from "../domain/message.ts";
import type { RelayFault, SendOutcome } from "../domain/relay.ts";
import { traceFields } from "../domain/tracing.ts";
import type { WakeUp } from "../domain/wakeUp.ts";
import type { Relay, RelaySession, Transaction } from "../relay/pool.ts";
import type { Claim, ClaimResult, RecordInput } from "../store/attempts.ts";
import type { Ledger } from "../store/ledger.ts";
import type { Owner } from "../store/owner.ts";
import type { Log } from "../telemetry/logger.ts";
import type { DomainLimits } from "./domainLimits.ts";
import { historyOf } from "./history.ts";
import { asksToSlowDown, type Judgement, judge } from "./judge.ts";
import type { Pace, Passage, Place } from "./pace.ts";
import type { Way } from "./way.ts";

export type DeliverDependencies = {
  ledger: Pick<Ledger, "claim" | "handingOver" | "record">;
  owner: Owner;
  relay: Relay;
  relayName: string;
  /** Whether this relay gets our own return path as the envelope's sender, or the sender's address. */
  returnPath: "own" | "from";
  /** The gate before the relay's rates. */
  pace: Pick<Pace, "pass" | "nudge">;
  domains: Pick<DomainLimits, "admit">;
  way: Way;
  /** First attempts of the transactional lane, before which nothing else comes. */
  urgent: boolean;
  /** Called when other workers turn out to have all the relay's connections. */
  crowdedOut(): void;
  scheduleMs: readonly number[];
  /** Puts the next wake-up into the queue in its own time. */
  wake(planned: PlannedWakeUp[]): void;
  /** Told of every attempt once it is recorded. */
  observe(attempt: ObservedAttempt): void;
  /** Aborted when this process is about to end: nothing new is begun. */
  stopping: AbortSignal;
  /** Aborted when it must end now: what could not be recorded is left to be found in doubt. */
  abandon: AbortSignal;
  log: Log;
};

/** `transaction`: absent where there was no connection; `startedAt` by `performance.now()`. */
export type ObservedAttempt = {
  claim: Claim;
  outcomes: readonly SendOutcome[];
  transaction: Transaction | undefined;
  judgement: Judgement;
  startedAt: number;
  durationMs: number;
};

/** Works on one dispatch. Returns milliseconds after which to look again, or undefined when this wake-up is done. */
export async function deliver(dependencies: DeliverDependencies, wake: WakeUp): Promise<number | undefined> {
  const { domains, way, urgent } = dependencies;
  if (!way.isUp()) return way.redirect(wake);
  const admission = await domains.admit(wake, urgent);
  if (admission.kind === "postponed") {
    if (admission.wake) dependencies.wake([planOf(dependencies, admission.message.record.lane, admission.wake, admission.inMs, true)]);
    return undefined;
  }
  try {
    return await deliverAdmitted(dependencies, wake);
  } finally {
    admission.release();
  }
}

async function deliverAdmitted(dependencies: DeliverDependencies, wake: WakeUp): Promise<number | undefined> {
  const { relay, stopping, pace, way, urgent, crowdedOut } = dependencies;
  const place = await pace.pass({ urgent, connected: false });
  if (stopping.aborted || place.kind !== "go") return turnedAway(dependencies, wake, place);
  const acquired = await relay.acquire(stopping, urgent);
  const session = acquired.ok ? acquired.session : undefined;
  try {
    // A connection that was long in coming has missed its place: mail that waits for several comes in its time all the same.
    const hasMissed = (passage: Place) => session !== undefined && performance.now() >= passage.lostAt;
    const passage = hasMissed(place) ? await pace.pass({ urgent, connected: true }) : place;
    if (stopping.aborted || passage.kind !== "go") return await turnedAway(dependencies, wake, passage);
    if (!acquired.ok && acquired.elsewhere) {
      crowdedOut();
      return crowdedOutMs;
    }
    // It may have waited for the connection for long.
    if (acquired.ok && way.isPaused()) return await way.redirect(wake);
    const suspendedForMs = acquired.ok ? undefined : await way.failed(acquired.fault);
    if (!acquired.ok && asksToSlowDown(acquired.fault)) way.slowDown();
    const claimed = await claim(dependencies, wake);
    if (claimed.kind === "stale") return undefined;
    if (claimed.kind === "look_again") return claimed.inMs;
    if (claimed.kind === "content_gone") {
      await recordContentGone(dependencies, wake, claimed.claim);
      return undefined;
    }
    // So has a claim whose answer was. It is ours by now, and goes back if there is no other place for it.
    const last = hasMissed(passage) ? await pace.pass({ urgent, connected: true }) : passage;
    const startedAt = performance.now();
    const attempt = acquired.ok
      ? last.kind === "go"
        ? await transact(dependencies, wake, claimed.claim, acquired.session)
        : { outcomes: notSent(claimed.claim, noPlace), withdrawn: true }
      : { outcomes: notSent(claimed.claim, acquired.fault), withdrawn: false, suspendedForMs: suspendedForMs ?? 0 };
    session?.release();
    pace.nudge();
    const next = await record(dependencies, wake, claimed.claim, attempt, startedAt);
    if (!next) return undefined;
    if (acquired.ok || !(await way.handOver(next.wake))) dependencies.wake([next]);
    return undefined;
  } finally {
    session?.release();
  }
}

/** What becomes of a dispatch that the gate did not let through, or that comes to it as the process is about to end. */
async function turnedAway({ stopping, way }: DeliverDependencies, wake: WakeUp, passage: Passage): Promise<number | undefined> {
  if (stopping.aborted) return lookAgainSoonMs;
  if (passage.kind === "spent") return way.redirect(wake, passage.inMs);
  return way.isUp() ? lookAgainSoonMs : way.redirect(wake);
}

/** Where other workers have all connections, they have the queue too. */
const crowdedOutMs = 250;

function planOf({ relayName }: DeliverDependencies, lane: Lane, wake: WakeUp, delayMs: number, retry: boolean): PlannedWakeUp {
  return { wake, relay: relayName, lane, delayMs, retry };
}

const lookAgainSoonMs = 1;

/** Asks until the ledger answers: a claim whose answer was lost is ours, and nobody else could work on it. */
async function claim({ ledger, owner, stopping }: DeliverDependencies, wake: WakeUp): Promise<ClaimResult> {
  const word = randomUUID().slice(0, 8);
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 1_000)) {
    try {
      return await ledger.claim(wake, owner.id, word);
    } catch (error) {
      if (stopping.aborted) throw error;
      await wait(delayMs);
    }
  }
}

/**
 * `withdrawn`: we stopped it ourselves, and nobody refused anything. `suspendedForMs`: there was no connection, and the relay is not tried
 * before that; 0: it is not suspended.
 */
type Attempt = { outcomes: SendOutcome[]; transaction?: Transaction; withdrawn: boolean; suspendedForMs?: number };

/** One transaction for all recipients of the claim. */
async function transact(dependencies: DeliverDependencies, wake: WakeUp, claimed: Claim, session: RelaySession): Promise<Attempt> {
  const { returnPath } = dependencies;
  const { record, recipients, bytes, attempt, state } = claimed;
  const marks = state.dispatches[wake.dispatch]?.claim?.marks ?? false;
  let withdrawn = false;
  const noted = (mayGoOn: boolean) => {
    withdrawn = !mayGoOn;
    return mayGoOn;
  };
  const mail = {
    from: (returnPath === "own" ? record.return_path : undefined) ?? record.envelope_from,
    to: recipients.map((index) => record.recipients[index]?.address ?? ""),
    bytes,
    fromDomain: domainOf(record.from),
    eightBit: record.eight_bit ?? false,
    about: aboutOf(record),
    smtputf8: record.smtputf8 ?? false,
    // Answered at once where it can be: then the message leaves in one piece with its dot.
    beforeFinalDot: () => (marks ? mayHandOver(dependencies, { ...wake, attempt }).then(noted) : noted(dependencies.owner.leaseHolds())),
  };
  const transaction = await session.send(mail, { isLast: true });
  return { outcomes: transaction.outcomes, transaction, withdrawn };
}

/** What log lines about a message say of it. */
function aboutOf(record: MessageRecord) {
  return { message_id: record.id, ...traceFields(record) };
}

/** How often the ledger is asked before the final dot: its answer may be late, or lost with a connection, and the relay waits gladly. */
const asksBeforeDot = 5;

/** Whether the claim is still ours, and the final dot may be sent; no, too, where nobody can say. */
async function mayHandOver({ ledger, owner, stopping }: DeliverDependencies, claimed: WakeUp & { attempt: number }) {
  for (let asked = 1; owner.leaseHolds(); asked++) {
    try {
      return await ledger.handingOver({ ...claimed, owner: owner.id });
    } catch {
      if (asked === asksBeforeDot || stopping.aborted) return false;
      await wait(50 * asked);
    }
  }
  return false;
}

const noPlace: RelayFault = { phase: "connect", text: "The relay takes nothing more for now." };

/** Without a connection nothing was sent to anybody. */
function notSent({ recipients }: Claim, fault: RelayFault): SendOutcome[] {
  return recipients.map(() => ({ kind: "not_sent", fault }));
}

/** Bytes that are gone from the store never come back: the recipients end here instead of being tried until their deadline. */
async function recordContentGone(dependencies: DeliverDependencies, wake: WakeUp, { attempt, record, recipients }: Claim): Promise<void> {
  dependencies.log.error(aboutOf(record), "a message's content is gone from the store");
  const reply = { code: 0, text: "The message's content is no longer in the store" };
  await recordUntilTaken(dependencies, record, {
    messageId: wake.messageId,
    dispatch: wake.dispatch,
    attempt,
    outcomes: recipients.map((recipient) => ({ recipient, kind: "failed", reply, category: "system", hard_bounce: false })),
    retryInMs: 0,
    counts: "nothing",
  });
}

/** Records the attempt, whatever it takes, and returns the plan for what is still open. After a 250 nothing here may throw. */
async function record(
  dependencies: DeliverDependencies,
  wake: WakeUp,
  claimed: Claim,
  { outcomes, transaction, withdrawn, suspendedForMs = 0 }: Attempt,
  startedAt: number,
): Promise<PlannedWakeUp | undefined> {
  const durationMs = performance.now() - startedAt;
  const { way, relayName } = dependencies;
  if (outcomes.some((outcome) => outcome.kind === "accepted")) way.worked();
  if (outcomes.some((outcome) => outcome.kind === "try_later" && asksToSlowDown(outcome))) way.slowDown();
  const dispatch = claimed.state.dispatches[wake.dispatch];
  const judgement = judge({
    recipients: claimed.recipients,
    outcomes,
    relay: relayName,
    dispatch: { tries: dispatch?.tries ?? 0, faults: dispatch?.faults ?? 0 },
    scheduleMs: dependencies.scheduleMs,
    random: Math.random(),
  });
  const next = await recordUntilTaken(dependencies, claimed.record, {
    messageId: wake.messageId,
    dispatch: wake.dispatch,
    attempt: claimed.attempt,
    ...(withdrawn ? backInLine(judgement) : suspendedForMs > 0 ? untilItsEnd(judgement, suspendedForMs) : judgement),
    history: historyOf({ claim: claimed, relay: relayName, outcomes, transaction, durationMs }),
  });
  dependencies.observe({ claim: claimed, outcomes, transaction, judgement, startedAt, durationMs });
  return next && planOf(dependencies, claimed.record.lane, next.wake, next.inMs, judgement.counts !== "nothing");
}

/** A suspended relay is tried again when its suspension ends: that counts nothing up, since it is no news about this message. */
function untilItsEnd({ outcomes }: Judgement, suspendedForMs: number): Judgement {
  return { outcomes, retryInMs: suspendedForMs * (1 + Math.random() / 5), counts: "nothing" };
}

/** We stopped ourselves before the final dot: nobody refused anything, so the recipients are queued as before. */
function backInLine(judgement: Judgement): Judgement {
  const outcomes = judgement.outcomes.map((outcome) =>
    outcome.kind === "deferred" ? { recipient: outcome.recipient, kind: "queued" as const } : outcome,
  );
  return { outcomes, retryInMs: 1_000, counts: "nothing" };
}

async function recordUntilTaken({ ledger, abandon, log }: DeliverDependencies, message: MessageRecord, input: RecordInput) {
  for (let delayMs = 50; ; delayMs = Math.min(delayMs * 2, 1_000)) {
    try {
      return await ledger.record(input);
    } catch (error) {
      if (abandon.aborted) {
        log.error({ err: error, ...aboutOf(message), attempt: input.attempt }, "an attempt could not be recorded before the end");
        return undefined;
      }
      if (delayMs === 50) log.warn({ err: error, ...aboutOf(message) }, "an attempt is not recorded yet; trying until it is");
      await wait(delayMs);
    }
  }
}
