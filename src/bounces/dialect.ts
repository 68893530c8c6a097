// What a dialect of reports is: how to recognise mail in it, and where it names the recipients. The dialects are data, in `dialects/`.
import type { Category } from "../domain/reply.ts";
import { addressSource } from "./addresses.ts";
import type { ReportKind } from "./parsedReport.ts";

/** The ways in which a text names one recipient; every group `address` is one. All work on lines, blind to case. */
const a = `(?<address>${addressSource})`;
export const recipientForms = {
  /** `<user@example.com>:`, the reason on the next lines or behind the colon. */
  bracketedHeading: new RegExp(`^[ \\t>]{0,8}<${a}>(?:[ \\t]{0,2}\\([^()\\n]{0,200}\\))?[ \\t]{0,4}:`, "gim"),
  /** An address alone on its line, bracketed or not. */
  alone: new RegExp(`^[ \\t>*-]{0,12}[<"']?${a}[>"']?(?:<mailto:[^<>\\s]{1,320}>)?[ \\t]{0,4}:?[ \\t]{0,4}$`, "gim"),
  /** `user@example.com: the reason`. */
  unbracketedHeading: new RegExp(`^[ \\t>]{0,8}${a}[ \\t]{0,4}: `, "gim"),
  /** `<user@example.com>... User unknown`, with or without a code before it. */
  ellipsis: new RegExp(`^[ \\t>]{0,8}(?:[245]\\d\\d )?[<"]?${a}[>"]? {0,3}\\.\\.\\.`, "gim"),
  /** `RCPT TO:<user@example.com>`, as in a transcript. */
  command: new RegExp(`\\bRCPT TO: {0,2}<?${a}`, "gi"),
} as const;

/** One row of knowledge: mail like this names its recipients so. */
export type Dialect = {
  /** Stable and unique: users see it as the report's dialect. */
  id: string;
  /** All given conditions must hold. `text` is the report's own words, without the original; `words` may stand there or in the subject. */
  when: { from?: RegExp; subject?: RegExp; header?: string; text?: RegExp; words?: RegExp };
  /** Only what follows the first match can name recipients. */
  opening?: RegExp;
  /** Only what comes before the first match behind the opening can. */
  closing?: RegExp;
  /** Tried in order; the first form that finds a recipient counts. Each has a group `address`. */
  recipients: readonly RegExp[];
  /** Where the reason stands: behind its recipient up to the next one (the default), or anywhere in the text. */
  reason?: "anywhere";
  /** Its forms take nearly anything for a recipient: the report's own sender and addressee do not count. */
  loose?: true;
  /** What its reports mean where neither a reply nor a known wording says more, as in languages that no rule knows. */
  otherwise?: Category;
  /** A report that this dialect wrote, header and text, in our own words; and what must be read out of it. */
  example: string;
  expects: { kind: ReportKind; recipient: string; category?: Category; hardBounce?: boolean };
};
