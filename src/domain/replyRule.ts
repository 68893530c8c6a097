// What a rule about replies is, and when it matches. The rules themselves are data, in `rules/`; their order is in `replyRules.ts`.
import type { Phase } from "./relay.ts";
import type { Category, Reply } from "./reply.ts";

/**
 * One row of knowledge: replies like this one mean that. All given conditions must hold.
 * Expressions hold no unbounded repetition, so that a hostile reply costs no more than a long one.
 */
export type ReplyRule = {
  /** Stable and unique: users see it when they ask why a reply was classified so. */
  id: string;
  when: {
    code?: readonly number[];
    /** RFC 3463 codes; `x` stands for any class, `*` for any subject or detail. */
    enhanced?: readonly string[];
    /** Against the reply's text without mail addresses (each is `<>`) and without web addresses. */
    text?: RegExp;
    /** Against the web addresses in the reply: many providers name the reason there. */
    link?: RegExp;
    phase?: readonly Phase[];
    /** Only where a report says that the recipient was given up. */
    final?: true;
  };
  category: Category;
  /** The address or its domain does not exist, whoever sends. Counts only where the reply is permanent. */
  hard?: true;
  /** The relay refuses us, not the recipient: credentials, TLS, relaying. */
  relayAtFault?: true;
  /** "Too fast" or "too many connections". Counts only where the reply is transient. */
  slowDown?: true;
  /** One sentence that a developer can act on; the category's own where it is absent. */
  advice?: string;
  /** A real reply that this rule, and no earlier one, must match. */
  example: string;
  examplePhase?: Phase;
};

/** One expression, blind to case, that matches where any of the wordings does. */
export function anyOf(...wordings: readonly RegExp[]): RegExp {
  return new RegExp(wordings.map(({ source }) => source).join("|"), "i");
}

/** A reply made ready for the rules: what a sender or recipient can choose freely (addresses) is taken out of the wording. */
export type Subject = {
  code: number;
  enhanced: readonly string[];
  text: string;
  links: string;
  phase: Phase | undefined;
  final: boolean;
};

const link = /\bhttps?:\/\/[^\s<>]{1,1000}/gi;
const bracketedAddress = /<[^<>\s]{0,320}>/g;
const bareAddress = /[^\s<>@:;,()[\]]{1,64}@[^\s<>@:;,()[\]]{1,255}/g;

/** Prepares a reply for `matches`. Only the first 1,000 characters of the text count. */
export function subjectOf(reply: Reply, phase: Phase | undefined, final = false): Subject {
  const bounded = reply.text.slice(0, 1_000);
  return {
    code: reply.code,
    enhanced: reply.enhanced?.split(".") ?? [],
    text: bounded.replace(link, "").replace(bracketedAddress, "<>").replace(bareAddress, "<>"),
    links: (bounded.match(link) ?? []).join(" "),
    phase,
    final,
  };
}

function matchesEnhanced(pattern: string, enhanced: readonly string[]): boolean {
  if (enhanced.length !== 3) return false;
  return pattern.split(".").every((part, i) => part === "x" || part === "*" || part === enhanced[i]);
}

/** Whether every condition of the rule holds for the reply. */
export function matches({ when }: ReplyRule, subject: Subject): boolean {
  if (when.code && !when.code.includes(subject.code)) return false;
  if (when.final && !subject.final) return false;
  if (when.phase && !(subject.phase && when.phase.includes(subject.phase))) return false;
  if (when.enhanced && !when.enhanced.some((pattern) => matchesEnhanced(pattern, subject.enhanced))) return false;
  if (when.link && !when.link.test(subject.links)) return false;
  return !when.text || when.text.test(subject.text);
}

/** What of the reply made a rule match: its words, else its link, else a code; null for the rule that matches everything. */
export function matchedBy({ when }: ReplyRule, subject: Subject): string | null {
  const words = when.text?.exec(subject.text)?.[0] ?? when.link?.exec(subject.links)?.[0];
  if (words !== undefined) return words;
  if (when.enhanced) return subject.enhanced.join(".");
  return when.code ? String(subject.code) : null;
}
