// From what a report says about one recipient to a category: picks the line that says most, and asks the one classifier.
import { type Classification, classify } from "../domain/classify.ts";
import type { Phase } from "../domain/relay.ts";
import type { Reply } from "../domain/reply.ts";
import { parseReply } from "../domain/replyParse.ts";
import type { QuotedReply } from "./quotedReplies.ts";

export type Judgement = { reply: Reply; classification: Classification; phase?: Phase };

const candidatesMax = 8;

/** Codes that say "something, somewhere" (RFC 3463): any line's own words say more. */
const vague = /^[245]\.(?:0\.0|\d{1,3}\.0)$/;

/** A reply with the enhanced code of the Status field, where its own says less and the classes do not contradict. */
function withStatus(reply: Reply, status: string | undefined): Reply {
  if (status === undefined || (reply.enhanced !== undefined && !vague.test(reply.enhanced))) return reply;
  if (reply.enhanced !== undefined && vague.test(status)) return reply;
  if (reply.code !== 0 && String(reply.code)[0] !== status[0]) return reply;
  return { ...reply, enhanced: status };
}

/** How much a rule knows: a wording or a provider's own code, an enhanced code, a basic code, nothing. */
function weight({ rule }: Classification): number {
  if (rule === "basic.unknown" || rule === "not-a-refusal") return 0;
  if (rule.startsWith("basic.")) return 1;
  return rule.startsWith("enhanced.") ? 2 : 3;
}

/**
 * Judges a refusal.
 * @param candidates lines that may say why, the likeliest first; the first of those that the classifier knows most about wins
 * @param fallback words that count only where no candidate says more than a bare code
 * @param status the Status field's code, which counts where a line has none of its own or a vaguer one
 * @param permanent the report says that the recipient was given up: what "user unknown" means then does not depend on a code
 */
export function judgeRefusal(
  candidates: readonly QuotedReply[],
  { fallback, status, permanent }: { fallback?: string | undefined; status?: string | undefined; permanent: boolean },
): Judgement {
  const judge = ({ line, phase }: QuotedReply): Judgement => {
    const reply = withStatus(parseReply(line), status);
    return { reply, classification: classify({ reply, final: permanent, ...(phase && { phase }) }), ...(phase && { phase }) };
  };
  const refusals = candidates
    .slice(0, candidatesMax)
    .map(judge)
    .filter(({ classification }) => classification.rule !== "not-a-refusal");
  const best = Math.max(0, ...refusals.map(({ classification }) => weight(classification)));
  const winner = refusals.find(({ classification }) => weight(classification) === best);
  if (winner && (best > 1 || fallback === undefined)) return winner;
  const told = judge({ line: fallback ?? "" });
  // The server's own line stays the reply; the words around it only explain it.
  if (winner && weight(told.classification) <= best) return winner;
  return winner?.reply.text ? { ...winner, classification: told.classification } : told;
}
