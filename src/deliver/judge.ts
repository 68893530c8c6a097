// What an attempt means: from the relay's answers to what the ledger records and when the rest is tried again. Pure.
import { classify, classifyFault } from "../domain/classify.ts";
import type { DispatchState } from "../domain/message.ts";
import type { Phase, RelayFault, SendOutcome } from "../domain/relay.ts";
import type { Reply } from "../domain/reply.ts";
import { backoffMs, faultBackoffMs } from "../domain/retry.ts";
import type { RecordedOutcome } from "../store/attempts.ts";

export type Judgement = { outcomes: RecordedOutcome[]; retryInMs: number; counts: "tries" | "faults" | "nothing" };

export type JudgeInput = {
  /** Indexes of the message's recipients, in the order of `outcomes`. */
  recipients: readonly number[];
  outcomes: readonly SendOutcome[];
  relay: string;
  dispatch: Pick<DispatchState, "tries" | "faults">;
  scheduleMs: readonly number[];
  /** In [0, 1). */
  random: number;
};

/** What has to happen with a recipient that is still open, the most patient first. */
type Next = "later" | "relay_fault" | "at_once";

/** Judges each outcome, and finds one time for all that stay open. */
export function judge({ recipients, outcomes, relay, dispatch, scheduleMs, random }: JudgeInput): Judgement {
  const judged = outcomes.map((outcome, index) => judgeOne(outcome, { recipient: recipients[index] as number, relay }, outcomes));
  const next = new Set(judged.flatMap((it) => it.next ?? []));
  const recorded = judged.map((it) => it.outcome);
  if (next.has("later")) {
    return { outcomes: recorded, retryInMs: backoffMs({ tries: dispatch.tries + 1, scheduleMs, random }), counts: "tries" };
  }
  if (next.has("relay_fault")) {
    return { outcomes: recorded, retryInMs: faultBackoffMs({ faults: dispatch.faults + 1, scheduleMs, random }), counts: "faults" };
  }
  return { outcomes: recorded, retryInMs: 0, counts: "nothing" };
}

/** Whether a server's "later", or the fault of a relay that gave a reply, means "not so fast". */
export function asksToSlowDown({ reply, phase }: { reply?: Reply; phase: Phase }): boolean {
  return reply !== undefined && classify({ reply, phase }).slowDown;
}

type Judged = { outcome: RecordedOutcome; next?: Next };

function judgeOne(outcome: SendOutcome, about: { recipient: number; relay: string }, all: readonly SendOutcome[]): Judged {
  switch (outcome.kind) {
    case "accepted":
      return { outcome: { ...about, kind: "sent", reply: outcome.reply } };
    case "refused": {
      const { category, rule, hardBounce, relayAtFault } = classify({ reply: outcome.reply, phase: outcome.phase });
      const because = { reply: outcome.reply, category, rule };
      const next = nextOfTheRest(outcome, all) ?? (relayAtFault ? "relay_fault" : undefined);
      if (next) return { outcome: { ...about, kind: "deferred", ...because, hard_bounce: false }, next };
      // No server refused anybody where we did not ask one: then we gave up.
      const kind = outcome.ours ? "failed" : "bounced";
      const personal = isPersonal(outcome.phase, all) && !outcome.ours;
      return { outcome: { ...about, kind, ...because, hard_bounce: hardBounce && personal, ...(personal && { personal }) } };
    }
    case "try_later": {
      const { category, rule, relayAtFault } = classify({ reply: outcome.reply, phase: outcome.phase });
      const next = nextOfTheRest(outcome, all) ?? (relayAtFault ? "relay_fault" : "later");
      return { outcome: { ...about, kind: "deferred", reply: outcome.reply, category, rule, hard_bounce: false }, next };
    }
    case "not_sent":
      return { outcome: { ...about, kind: "deferred", ...becauseOf(outcome.fault) }, next: "relay_fault" };
    case "in_doubt":
      return { outcome: { ...about, kind: "doubt", ...becauseOf(outcome.fault) }, next: "later" };
  }
}

/**
 * Whether a refusal is about this recipient alone. A reply to MAIL is about the sender, and one to a body for several recipients says
 * nothing of any of them.
 */
function isPersonal(phase: Phase, all: readonly SendOutcome[]): boolean {
  const sharing = all.filter((other) => !("phase" in other && other.phase === "rcpt"));
  return phase === "rcpt" || (sharing.length === 1 && gotPastRcpt.has(phase));
}

/**
 * "Too many recipients" to one of several means "the rest in another transaction", said with 452, by older servers with 552, by some with
 * another 5xx (RFC 5321 section 4.5.3.1.10, RFC 3463 x.5.3). It is no refusal while others got further in the same transaction. Undefined
 * for every other reply: each further transaction takes somebody or is judged by its own words, so this ends.
 */
function nextOfTheRest({ reply, phase }: { reply: Reply; phase: Phase }, all: readonly SendOutcome[]): "at_once" | "later" | undefined {
  const isLimit = reply.enhanced === undefined ? reply.code === 452 || reply.code === 552 : /^[45]\.5\.3$/.test(reply.enhanced);
  if (phase !== "rcpt" || !isLimit) return undefined;
  if (all.some(({ kind }) => kind === "accepted")) return "at_once";
  return all.some((other) => other.kind !== "accepted" && gotPastRcpt.has("fault" in other ? other.fault.phase : other.phase))
    ? "later"
    : undefined;
}

const gotPastRcpt = new Set<Phase>(["data", "body", "after_dot"]);

/** A relay that said nothing is quoted with what happened, and no code. */
function becauseOf(fault: RelayFault) {
  const { category, rule } = classifyFault(fault);
  return { reply: fault.reply ?? { code: 0, text: fault.text }, category, rule, hard_bounce: false };
}
