// What an attempt means: from the relay's answers to what the ledger records and when the rest is tried again. Pure.
import { classify, classifyFault } from "../domain/classify.ts";
import type { DispatchState } from "../domain/message.ts";
import type { Phase, RelayFault, SendOutcome } from "../domain/relay.ts";
import type { Reply } from "../domain/reply.ts";
import { backoffMs, faultBackoffMs } from "../domain/retry.ts";
import type { RecordedOutcome } from "../store/ledger.ts";

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
  const someAccepted = outcomes.some((outcome) => outcome.kind === "accepted");
  const context = { someAccepted, sharing: outcomes.filter((outcome) => !("phase" in outcome && outcome.phase === "rcpt")).length };
  const judged = outcomes.map((outcome, index) => judgeOne(outcome, { recipient: recipients[index] as number, relay }, context));
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

type Judged = { outcome: RecordedOutcome; next?: Next };

/** `sharing`: how many recipients share the replies to the whole transaction. */
type Context = { someAccepted: boolean; sharing: number };

function judgeOne(outcome: SendOutcome, about: { recipient: number; relay: string }, { someAccepted, sharing }: Context): Judged {
  switch (outcome.kind) {
    case "accepted":
      return { outcome: { ...about, kind: "sent", reply: outcome.reply } };
    case "refused": {
      const { category, rule, hardBounce, relayAtFault } = classify({ reply: outcome.reply, phase: outcome.phase });
      const because = { reply: outcome.reply, category, rule };
      if (relayAtFault) return { outcome: { ...about, kind: "deferred", ...because, hard_bounce: false }, next: "relay_fault" };
      // No server refused anybody where we did not ask one: then we gave up.
      const kind = outcome.ours ? "failed" : "bounced";
      const personal = isPersonal(outcome.phase, sharing) && !outcome.ours;
      return { outcome: { ...about, kind, ...because, hard_bounce: hardBounce && personal, ...(personal && { personal }) } };
    }
    case "try_later": {
      const { category, rule, relayAtFault } = classify({ reply: outcome.reply, phase: outcome.phase });
      const next = tooManyRecipients(outcome, someAccepted) ? "at_once" : relayAtFault ? "relay_fault" : "later";
      return { outcome: { ...about, kind: "deferred", reply: outcome.reply, category, rule, hard_bounce: false }, next };
    }
    case "not_sent":
      return { outcome: { ...about, kind: "deferred", ...becauseOf(outcome.fault) }, next: "relay_fault" };
    case "in_doubt":
      return { outcome: { ...about, kind: "doubt", ...becauseOf(outcome.fault) }, next: "later" };
  }
}

/** A reply to MAIL is about the sender, and one to a body for several recipients says nothing of any of them. */
function isPersonal(phase: Phase, sharing: number): boolean {
  return phase === "rcpt" || (sharing === 1 && (phase === "data" || phase === "body" || phase === "after_dot"));
}

/** RFC 5321 section 4.5.3.1.10: 452 after some recipients were taken means "the rest in another transaction". */
function tooManyRecipients({ reply, phase }: { reply: Reply; phase: string }, someAccepted: boolean): boolean {
  return someAccepted && phase === "rcpt" && reply.code === 452 && (reply.enhanced === undefined || reply.enhanced === "4.5.3");
}

/** A relay that said nothing is quoted with what happened, and no code. */
function becauseOf(fault: RelayFault) {
  const { category, rule } = classifyFault(fault);
  return { reply: fault.reply ?? { code: 0, text: fault.text }, category, rule, hard_bounce: false };
}
