// Finds the replies of servers that a report's text quotes, and at which command they came.
import type { Phase } from "../domain/relay.ts";

/** `line` as `parseReply` takes it: from the basic code on, the lines of one reply together. */
export type QuotedReply = { line: string; phase?: Phase };

const repliesMax = 20;
/** Texts of some hundred recipients repeat the same reply: no more places than this are looked at. */
const examinedMax = 60;
const lineCharactersMax = 1_500;

/** A basic code where a quoted reply begins: at a line's start, or behind a colon, quote or bracket. */
const replyStart =
  /(?:^[ \t>|]{0,12}(?:<<<?[ -]{0,2})?|[<>]{3} {1,2}|[:;='"[(#] {0,4}|\b(?:said|code|error|reason|status|returned|with|was|got)[: \t]{1,4})(?=([45][0-57]\d)(?:[ -:;,#>][^\d\n]|[ -]{1,3}[\d[]|[ \t]*$))/gim;
/** What comes after a reply and is not part of it. */
const replyEnd =
  /\n[ \t]*\n|\n[ \t>]{0,8}(?:>>>|\.\.\. while talking|Giving up on|I'm not going to try|STARTTLS was|-{3,40}|[A-Z][\w-]{2,30}: )|\n(?=[ \t>|]{0,12}(?:<<<[ -]{0,2})?[245]\d\d )/;

/** Where the words of mail servers place a refusal. The first that matches counts. */
export const refusalPlaces: readonly { wording: RegExp; phase: Phase; example: string }[] = [
  {
    wording:
      /(?:in reply to|after|following|during|command:?|in response to|for|in|our|\[|\() {0,2}(?:the )?(?:pipelined )?(?:end of data|end of message|"?\.""?|sending (?:the )?(?:message body|data block)|TEXT command|\[?DATA_END|BODY)\b/i,
    phase: "after_dot",
    example: "host mx.example.com[192.0.2.1] said: 550 No (in reply to end of DATA command)",
  },
  { wording: /failed after I sent the message/i, phase: "after_dot", example: "192.0.2.1 failed after I sent the message." },
  {
    wording:
      /(?:in reply to|after|following|during|command|in response to|for|did not like our|\[|\(|>>>|SMTP:|SMTP command) {0,2}(?:sending |the )?(?:pipelined )?"?RCPT(?:[ _]TO)?\b|does not like recipient|rejected recipient/i,
    phase: "rcpt",
    example: "SMTP error from remote mail server after RCPT TO:<user@example.com>:",
  },
  {
    wording:
      /(?:in reply to|after|following|during|command|in response to|for|did not like our|\[|\(|>>>|SMTP:|SMTP command) {0,2}(?:sending |the )?(?:pipelined )?"?MAIL(?:[ _]FROM)?\b(?! (?:server|exchanger|system|host|delivery))|but sender was rejected/i,
    phase: "mail",
    example: "SMTP error from remote mail server after MAIL FROM:<sender@example.com> SIZE=1024:",
  },
  {
    wording:
      /(?:in reply to|after|following|during|command|in response to|for|did not like our|\[|\(|>>>|SMTP:|SMTP command)[ \n]{0,3}(?:sending |the )?(?:pipelined )?"?DATA\b|failed on DATA command/i,
    phase: "data",
    example: ">>> DATA\n<<< 550 5.7.1 No",
  },
  {
    wording:
      /after initial connection|but greeting failed|in response to (?:greeting|connect|banner)|while (?:performing|receiving) (?:the initial|initial)|in greeting/i,
    phase: "greeting",
    example: "SMTP error from remote mail server after initial connection:",
  },
  {
    wording: /(?:in reply to|after|following|did not like our|>>>) {0,2}(?:EHLO|HELO|LHLO)\b|but my name was rejected/i,
    phase: "ehlo",
    example: "host mx.example.com[192.0.2.1] said: 550 No (in reply to EHLO command)",
  },
];

/** Where in a transaction the text says that it was refused, or undefined. Only the first 4,000 characters count. */
export function phaseIn(text: string): Phase | undefined {
  const bounded = text.slice(0, 4_000);
  return refusalPlaces.find(({ wording }) => wording.test(bounded))?.phase;
}

const transcriptCommand = /(?:>>> ?|Sent <<< ?)(MAIL|RCPT|DATA|EHLO|HELO|\.)(?![\w-])/gi;
const phaseOfCommand: Readonly<Record<string, Phase>> = {
  mail: "mail",
  rcpt: "rcpt",
  data: "data",
  ehlo: "ehlo",
  helo: "ehlo",
  ".": "after_dot",
};

/** The command that a transcript in the style of sendmail (`>>> DATA`) shows last before a place. */
function commandBefore(text: string, at: number): Phase | undefined {
  const commands = [...text.slice(Math.max(0, at - 400), at).matchAll(transcriptCommand)];
  return phaseOfCommand[commands.at(-1)?.[1]?.toLowerCase() ?? ""];
}

/** The refusals (4xx, 5xx) that a text quotes, in order, each once. At most 20. */
export function quotedReplies(text: string): QuotedReply[] {
  const found = new Map<string, QuotedReply>();
  let examined = 0;
  for (const match of text.matchAll(replyStart)) {
    if (found.size >= repliesMax || ++examined > examinedMax) break;
    const at = match.index + match[0].length;
    const code = match[1] ?? "";
    let rest = text.slice(at, at + lineCharactersMax);
    // Further lines of the same reply (`550-`) belong to it; the next one with a space ends it.
    const joined = rest.replace(new RegExp(`\\n[ \\t>|]{0,12}(?:<<<[ -]{0,2})?(?=${code}[- ])`, "g"), "\u0001");
    const end = replyEnd.exec(joined);
    rest = (end ? joined.slice(0, end.index) : joined).replaceAll("\u0001", "\n").trim();
    const phase = commandBefore(text, at) ?? phaseIn(text.slice(Math.max(0, at - 200), at + rest.length + 80));
    if (!found.has(rest)) found.set(rest, { line: rest, ...(phase && { phase }) });
  }
  return [...found.values()];
}
