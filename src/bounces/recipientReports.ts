// Puts what a report says about each recipient into its final form: action, category, reply.
import type { Category } from "../domain/reply.ts";
import { parseReply } from "../domain/replyParse.ts";
import type { RecipientStatus } from "./deliveryStatus.ts";
import { judgeRefusal } from "./judgeRefusal.ts";
import type { Action, RecipientReport } from "./parsedReport.ts";
import { phaseIn, type QuotedReply, quotedReplies } from "./quotedReplies.ts";
import { withoutAddress, wordsOf } from "./wording.ts";

/** Words of a warning that the mail is still under way. */
const delay =
  /warning message only|this is (?:only )?a warning|no action is required|has not yet been delivered|hasn't been delivered yet|(?:has|have) been delayed|is delayed|message delayed|delivery (?:status notification )?\(?delay|delayed mail|still being retried|will (?:be retried|keep trying|continue to (?:try|be attempted))|will continue (?:to be attempted|trying)|could not send message for past|not yet been delivered|verz[öo]gert|retard[ée]e?\b|配送が遅延/i;
/** Words that say that it is over. They win, as reports recall earlier warnings. */
const over =
  /giv(?:en|ing) up|permanent (?:error|failure|fatal)|failed permanently|not going to try again|will not be retried|could not be delivered|undeliverable|cannot send message for|returned to sender/i;

/** Whether a text warns of a delay rather than tells of a failure. */
export function saysDelay(subject: string, text: string): boolean {
  const bounded = text.slice(0, 8_000);
  if (/warning message only/i.test(bounded)) return true;
  return delay.test(`${subject}\n${bounded}`) && !over.test(`${subject}\n${bounded}`);
}

export type RecipientFacts = {
  recipient: string;
  originalRecipient?: string | undefined;
  action: Action;
  status?: string | undefined;
  remoteMta?: string | undefined;
  candidates: readonly QuotedReply[];
  /** Words that count where no candidate says anything. */
  fallback?: string | undefined;
  /** The category where nothing else tells. */
  otherwise?: Category | undefined;
};

/** The report on one recipient; a failure or delay is judged by the candidates. */
export function reportOnRecipient(facts: RecipientFacts): RecipientReport {
  const { recipient, originalRecipient, action, status, remoteMta, candidates, fallback, otherwise } = facts;
  const named = { recipient, ...(originalRecipient && { originalRecipient }), action, ...(remoteMta && { remoteMta }) };
  if (action !== "failed" && action !== "delayed") {
    return { ...named, hardBounce: false, reply: { ...(status && { enhanced: status }), ...parseReply(candidates[0]?.line ?? "") } };
  }
  const { reply, classification, phase } = judgeRefusal(candidates, { fallback, status, permanent: action === "failed" });
  const guessed = classification.category === "unknown" ? otherwise : undefined;
  return {
    ...named,
    category: guessed ?? classification.category,
    hardBounce: action === "failed" && classification.hardBounce,
    reply,
    ...(!guessed && { rule: classification.rule }),
    ...(phase && { phase }),
  };
}

const recipientsReadInText = 50;

/** What the text for people says about one recipient of a delivery status: the lines after its address, up to the next recipient's. */
function accountOf(recipient: string, others: readonly string[], text: string): string {
  const lower = text.toLowerCase();
  const at = lower.indexOf(recipient.toLowerCase());
  if (at === -1) return others.length === 0 ? text : "";
  const ends = others.map((other) => lower.indexOf(other.toLowerCase(), at + recipient.length)).filter((end) => end !== -1);
  return text.slice(at, Math.min(at + 4_000, ...ends));
}

/** The action of a status that names none: by its class (RFC 3463), else by the words. */
function actionOf({ action, status }: RecipientStatus, text: string, subject: string): Action {
  if (action) return action;
  if (status?.[0] === "2") return "delivered";
  return saysDelay(subject, text) ? "delayed" : "failed";
}

/**
 * The reports of a delivery status, one for each recipient.
 * @param text what the same report says to people: it often quotes the server where the fields do not
 */
export function reportsFromStatus(recipients: readonly RecipientStatus[], text: string, subject: string): RecipientReport[] {
  const distinct = new Map(recipients.toReversed().map((status) => [status.recipient.toLowerCase(), status]));
  const all = [...distinct.values()].toReversed();
  // Looking through the text once for each of very many recipients would take time without end.
  const readsText = all.length <= recipientsReadInText;
  return all.map((status) => {
    const others = readsText ? all.filter((other) => other !== status).map(({ recipient }) => recipient) : [];
    const account = readsText ? accountOf(status.recipient, others, text) : "";
    const phase = phaseIn(account);
    const diagnostic = status.diagnostic ? [{ line: status.diagnostic, ...(phase && { phase }) }] : [];
    const candidates = [...diagnostic, ...quotedReplies(account)];
    const fallback = wordsOf(withoutAddress(account, status.recipient));
    return reportOnRecipient({ ...status, action: actionOf(status, text, subject), candidates, fallback });
  });
}
