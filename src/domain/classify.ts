// Says what a server's reply means: why it refused, whether the address is dead, who has to act and how.
import { adviceFor } from "./advice.ts";
import type { Phase, RelayFault } from "./relay.ts";
import type { Category, Reply } from "./reply.ts";
import { matchedBy, matches, subjectOf } from "./replyRule.ts";
import { replyRules } from "./replyRules.ts";
import { faultRules } from "./rules/faults.ts";

export type Classification = {
  category: Category;
  /** The address or its domain does not exist, whoever sends. */
  hardBounce: boolean;
  /** The id of the rule that matched. */
  rule: string;
  /** One sentence that a developer can act on. */
  advice: string;
  /** The relay refuses us, not the recipient: such a reply must never bounce a recipient. */
  relayAtFault: boolean;
  /** The server wants fewer messages or connections for now. */
  slowDown: boolean;
};

const notARefusal: Classification = {
  category: "unknown",
  hardBounce: false,
  rule: "not-a-refusal",
  advice: "This reply is not a refusal: there is nothing to do.",
  relayAtFault: false,
  slowDown: false,
};

/** Before MAIL nothing has been said about any message: whatever is refused there is between the relay and us. */
const sessionPhases: readonly Phase[] = ["dns", "connect", "greeting", "ehlo", "starttls", "auth"];

/**
 * Classifies one reply by the first rule that matches it; the last rule matches everything.
 * @param input.reply as `parseReply` made it; one without a basic code is permanent if its enhanced code is (class 5)
 * @param input.phase where in the transaction the reply came; absent where nobody knows
 * @param input.final true for what a report says of a recipient that was given up: without any code it is permanent
 */
export function classify(input: { reply: Reply; phase?: Phase; final?: boolean }): Classification {
  const { reply, phase } = input;
  if (reply.code >= 200 && reply.code < 400) return notARefusal;
  const subject = subjectOf(reply, phase, input.final);
  const rule = replyRules.find((candidate) => matches(candidate, subject));
  if (!rule) throw new Error("the last reply rule must match everything");
  const unclassed = reply.code === 0 && subject.enhanced.length === 0;
  const permanent = reply.code >= 500 || (reply.code === 0 && subject.enhanced[0] === "5") || (unclassed && input.final === true);
  const transient = reply.code >= 400 && reply.code < 500;
  const relayAtFault = rule.relayAtFault === true || (reply.code >= 400 && phase !== undefined && sessionPhases.includes(phase));
  return {
    category: rule.category,
    hardBounce: rule.hard === true && permanent && !relayAtFault,
    rule: rule.id,
    advice: rule.advice ?? adviceFor(rule.category),
    relayAtFault,
    slowDown: rule.slowDown === true && transient,
  };
}

/**
 * What of a reply made a rule match, for people who ask why; null where the rule is not one about replies, or matched other words than these.
 * @param input as `classify` was given it
 */
export function matchedText(ruleId: string | undefined, input: { reply: Reply; phase?: Phase; final?: boolean }): string | null {
  const rule = replyRules.find(({ id }) => id === ruleId);
  const subject = subjectOf(input.reply, input.phase, input.final);
  return rule && matches(rule, subject) ? matchedBy(rule, subject) : null;
}

const ruleAdvice = new Map([...replyRules, ...faultRules].map(({ id, advice }) => [id, advice]));

/** The advice on what was stored of a classification: that of its rule, else that of its category; null where nothing went wrong. */
export function adviceOn({ category, rule }: { category?: Category | undefined; rule?: string | undefined }): string | null {
  if (category === undefined) return null;
  return (rule === undefined ? undefined : ruleAdvice.get(rule)) ?? adviceFor(category);
}

/**
 * Says what a fault of the relay, or of the way to it, means: by the relay's own reply if there was one, else by what the system reported.
 * It is never about a recipient.
 */
export function classifyFault(fault: RelayFault): Pick<Classification, "category" | "rule" | "advice"> {
  const { phase, text, reply } = fault;
  if (reply) return classify({ reply, phase });
  const bounded = text.slice(0, 1_000);
  const rule = faultRules.find(({ when }) => (!when.phase || when.phase.includes(phase)) && (!when.text || when.text.test(bounded)));
  if (!rule) throw new Error("the last fault rule must match everything");
  return { category: rule.category, advice: rule.advice, rule: rule.id };
}
