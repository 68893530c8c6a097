// Many messages in one request, each judged alone.
import { isRefusal, type Refusal } from "../domain/refusals.ts";
import { isStoreUnavailable } from "../store/connection.ts";
import type { Idempotency } from "../store/idempotency.ts";
import { type AcceptDependencies, accept, reusedKey, unavailable } from "./accept.ts";
import { type IdempotencyClaim, idempotencyLifeMs, type KeptAnswer, partOf } from "./idempotency.ts";
import type { Draft } from "./prepare.ts";

/** One message's fate: its id, or why it was refused. */
export type BatchResult = { index: number } & ({ id: string } | { error: Refusal });

/** What a caller gets: an item a message, and whether all are from the first time. */
export type BatchAnswer<Item> = { items: Item[]; replayed: boolean };

/** How many messages are composed and stored at a time: enough to keep Redis busy, few enough to let others in. */
const atATime = 20;

/** A batch that takes longer than this is taken for dead, and its key may be tried again. */
const claimLifeMs = 120_000;

/**
 * Accepts each message of a batch; the order of results is that of the messages.
 * @param messages prepares one message: a draft, or a refusal
 * @param present makes of a result what the caller is answered (and what is kept for a replay)
 */
export async function acceptBatch<Item>(
  dependencies: AcceptDependencies & { idempotency: Idempotency },
  messages: (() => Promise<Draft | Refusal>)[],
  present: (result: BatchResult) => Item,
  claim?: IdempotencyClaim,
): Promise<BatchAnswer<Item> | Refusal> {
  if (claim) {
    const note = JSON.stringify({ fingerprint: claim.fingerprint } satisfies KeptAnswer);
    const standing = await dependencies.idempotency.claim(claim.tenant, claim.digest, note, claimLifeMs);
    if (standing !== undefined) return replay<Item>(standing, claim);
  }
  const results: BatchResult[] = [];
  let next = 0;
  // Once the store does not answer, the rest is not tried: each would wait for it, and the caller for all of them.
  let isAway = false;
  const work = async () => {
    while (next < messages.length) {
      const index = next++;
      const part = claim && partOf(claim, index);
      const accepted = isAway ? unavailable : await acceptOne(dependencies, messages[index] as () => Promise<Draft | Refusal>, part);
      isAway ||= isRefusal(accepted) && accepted.refused === "unavailable";
      results[index] = isRefusal(accepted) ? { index, error: accepted } : { index, id: accepted.message.id };
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
  const missed = results.flatMap((result) => ("error" in result && isPassing(result.error) ? [result.error] : []));
  const items = results.map(present);
  if (claim && missed.length === 0) {
    const value = JSON.stringify({ fingerprint: claim.fingerprint, answer: items } satisfies KeptAnswer);
    await dependencies.idempotency.complete(claim.tenant, claim.digest, value, idempotencyLifeMs).catch(() => undefined);
  } else if (claim) {
    // Sent again with the same key, the accepted ones are found and the missed ones tried anew.
    await dependencies.idempotency.release(claim.tenant, claim.digest).catch(() => undefined);
  }
  const [first] = missed;
  return first && missed.length === messages.length ? first : { items, replayed: false };
}

/** Whether a message was refused for what holds at the moment only: the same request may be accepted later. */
function isPassing({ refused }: Refusal): boolean {
  return refused === "unavailable" || refused === "queue_full";
}

async function acceptOne(dependencies: AcceptDependencies, prepare: () => Promise<Draft | Refusal>, part?: IdempotencyClaim) {
  try {
    return await accept(dependencies, await prepare(), part);
  } catch (error) {
    if (isStoreUnavailable(error)) return unavailable;
    throw error;
  }
}

function replay<Item>(standing: string, claim: IdempotencyClaim): BatchAnswer<Item> | Refusal {
  const first = JSON.parse(standing) as KeptAnswer;
  if (first.fingerprint !== claim.fingerprint) return reusedKey;
  if (first.answer === undefined) {
    return {
      refused: "idempotency_in_progress",
      detail: "A batch with this Idempotency-Key is still being worked on; ask again in a moment.",
      retryAfterSeconds: 1,
    };
  }
  return { items: first.answer as Item[], replayed: true };
}
