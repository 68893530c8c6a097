// The second half of acceptance: a draft is stored in one step, and then its dispatches are woken. The receipt is the storing alone.
import type { PlannedWakeUp } from "../domain/dispatching.ts";
import type { EventType } from "../domain/events.ts";
import type { Lane, RecipientState } from "../domain/message.ts";
import { type MessageView, messageView } from "../domain/messageView.ts";
import type { Quotas } from "../domain/quotas.ts";
import { isRefusal, type Refusal } from "../domain/refusals.ts";
import type { Acceptance } from "../store/acceptance.ts";
import type { SuppressedRecipient } from "../store/storing.ts";
import { type IdempotencyClaim, idempotencyLifeMs, type KeptAnswer } from "./idempotency.ts";
import type { Draft } from "./prepare.ts";
import { queuedMaxOf, queueFull } from "./queueFull.ts";

export type AcceptDependencies = {
  ledger: Acceptance["ledger"];
  idempotency: Acceptance["idempotency"];
  quotas: Quotas;
  /** Adds wake-ups to the queue in its own time; what fails is found again by upkeep. */
  wake(planned: PlannedWakeUp[]): void;
  /** Told of every message that was stored; not of replays. */
  observeAccepted(lane: Lane): void;
};

export type Accepted = { message: MessageView; replayed: boolean };

/**
 * Stores a draft and wakes its dispatches; the message is Postern's from then on. With a claim that was used before,
 * the first answer comes back. Rejects while Redis is away.
 */
export async function accept(
  dependencies: AcceptDependencies,
  draft: Draft | Refusal,
  claim?: IdempotencyClaim,
): Promise<Accepted | Refusal> {
  const { ledger, quotas, wake, observeAccepted } = dependencies;
  if (isRefusal(draft)) return (await firstAnswer(dependencies, claim)) ?? draft;
  const { record, bytes, recipients, dispatches, expiresAt, sendAt } = draft;
  const state = {
    expires_at: expiresAt,
    ...(sendAt !== undefined && { send_at: sendAt }),
    attempts: 0,
    recipients,
    dispatches,
    events: [],
  };
  const message = messageView({ record, state });
  const isScheduled = recipients.some(({ status }) => status === "scheduled");
  const events: EventType[] = isScheduled ? ["message.accepted", "message.scheduled"] : ["message.accepted"];
  const queuedMax = queuedMaxOf(quotas, record);
  const result = await ledger.accept({
    record,
    expiresAt,
    ...(sendAt !== undefined && { sendAt }),
    recipients,
    dispatches,
    events,
    bytes,
    queuedMax,
    ...(draft.returnPath && { keptRecipients: draft.returnPath.kept }),
    ...(claim && { idempotency: { digest: claim.digest, value: kept(claim, message), lifeMs: lifeOf(draft) } }),
  });
  if (result.kind === "late") return unavailable;
  if (result.kind === "unconfirmed") return unconfirmed;
  // What was accepted before needs no more room.
  if (result.kind === "full") return (await firstAnswer(dependencies, claim)) ?? full;
  if (result.kind === "queue_full") return queueFull(result.holder, queuedMax);
  if (result.kind === "replay") return replay(result.value, claim);
  // Once more, with these settled: what is stored and what is answered are the same, and the rare case alone pays for it.
  if (result.kind === "suppressed") return accept(dependencies, withSuppressed(draft, result.recipients), claim);
  observeAccepted(record.lane);
  wake(
    result.wakeUps.map((wakeUp) => ({
      wake: wakeUp,
      relay: dispatches[wakeUp.dispatch]?.relay ?? "",
      lane: record.lane,
      delayMs: Math.max(0, (sendAt ?? 0) - record.created_at),
      retry: false,
      job: result.job,
    })),
  );
  return { message, replayed: false };
}

/** The draft with recipients that are not sent to. */
function withSuppressed(draft: Draft, suppressed: SuppressedRecipient[]): Draft {
  const recipients = [...draft.recipients];
  for (const { recipient: index, ...why } of suppressed) {
    const { dispatch, attempts, updated_at } = draft.recipients[index] as RecipientState;
    recipients[index] = { status: "suppressed", dispatch, attempts, updated_at, ...why };
  }
  return { ...draft, recipients };
}

function kept(claim: IdempotencyClaim, answer: MessageView): string {
  return JSON.stringify({ fingerprint: claim.fingerprint, answer } satisfies KeptAnswer);
}

/** A day, or a day after a scheduled message's time. */
function lifeOf({ record, sendAt }: Draft): number {
  return idempotencyLifeMs + Math.max(0, (sendAt ?? 0) - record.created_at);
}

/**
 * The first answer to a claim, for a request that would be refused by now: a time to send at that has passed since, a relay that is gone.
 * Undefined if there is none, or it was to another request.
 */
async function firstAnswer({ idempotency }: AcceptDependencies, claim: IdempotencyClaim | undefined): Promise<Accepted | undefined> {
  const value = claim && (await idempotency.find(claim.tenant, claim.digest));
  const first = value === undefined ? undefined : replay(value, claim);
  return first === undefined || isRefusal(first) ? undefined : first;
}

function replay(value: string, claim: IdempotencyClaim | undefined): Accepted | Refusal {
  const first = JSON.parse(value) as KeptAnswer;
  if (first.fingerprint !== claim?.fingerprint) return reusedKey;
  return { message: first.answer as MessageView, replayed: true };
}

export const unavailable: Refusal = {
  refused: "unavailable",
  detail: "The store did not answer in time; nothing is known to be accepted. Try again, best with an Idempotency-Key.",
  retryAfterSeconds: 1,
};

/** Until the store has room: work under way has to end first. */
const full: Refusal = {
  refused: "unavailable",
  detail: "The store has hardly any memory left; nothing was accepted. Try again when some of what is queued has been sent.",
  retryAfterSeconds: 5,
};

const unconfirmed: Refusal = {
  refused: "unavailable",
  detail: "The store cannot say that the message is safe in as many places as it has to be. Try again, best with an Idempotency-Key.",
  retryAfterSeconds: 1,
};

export const reusedKey: Refusal = {
  refused: "idempotency_key_reused",
  detail: "This Idempotency-Key was used with another body; use a new key for another request.",
};
