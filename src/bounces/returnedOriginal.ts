// Where in a report's text its own words end and the message begins that it returns.

/** Lines that announce the returned message, or its header. Blind to case; leading space, dashes and quoting are allowed for. */
export const originalAnnouncements: readonly { wording: RegExp; example: string }[] = [
  {
    wording:
      /(?:this is|below (?:this line )?is|enclosed is|here is|following is) (?:a |the )?(?:copy|part) of (?:the|your) (?:original )?message/,
    example: "------ This is a copy of the message, including all the headers. ------",
  },
  { wording: /below this line is (?:a copy|the original)/, example: "--- Below this line is the original bounce." },
  { wording: /-{3,40} ?original (?:message|mail)(?: header| info)?s? ?/, example: "----- Original message -----" },
  {
    wording:
      /(?:the )?(?:headers? of the )?(?:original|failed|undelivered|returned|unsent) (?:message|mail)(?: headers?)?(?: is| are)? (?:follow|below|text follow)/,
    example: "--- The header of the original message is following. ---",
  },
  { wording: /message (?:headers?|text|contents?|body) follows?/, example: "Message headers follow." },
  {
    wording: /(?:unsent|returned|undelivered|bounced) message(?: follows| below)?\s{0,3}-/,
    example: "   ----- Unsent message follows -----",
  },
  { wording: /-{3,40} ?(?:returned|original|unsent) (?:message|mail|header)/, example: "------- Returned Message --------" },
  { wording: /original message headers:/, example: "Original message headers:" },
  { wording: /(?:below is|following is) a copy of the original/, example: "    Below is a copy of the original message:" },
  { wording: /^-{5,40} ?(?:message header|original header|start of message)/, example: "----- Message header follows -----" },
  { wording: /original (?:mail|message)(?: is)? as follows/, example: "Original mail as follows:" },
  { wording: /message header:$/, example: "Message header:" },
  { wording: /\*{3} (?:original|the following) message/, example: "*** Original message ***" },
];

const announcement = new RegExp(
  `^[^\\w\\n]{0,40}(?:${originalAnnouncements.map(({ wording }) => wording.source.replace(/^\^/, "")).join("|")})[^\\n]{0,200}$`,
  "im",
);

/** A header that begins without announcement: two fields in a row of which the first is one that only servers write. */
const bareHeader =
  /^[> \t]{0,4}(?:received: ?(?:from|by|\()|return-path: ?<|dkim-signature: ?v=|x-received: ?by)[^\n]{0,998}\n(?:[> ]{0,4}[ \t]{1,20}[^\n]{1,998}\n){0,30}[> \t]{0,4}[a-z][a-z0-9-]{1,40}:/im;

/**
 * Cuts a report's text at the message that it returns.
 * @returns the report's own words; `original` from the returned header on, where there is one
 */
export function returnedOriginal(text: string): { text: string; original?: string } {
  const announced = announcement.exec(text);
  const bare = bareHeader.exec(text);
  const cut = Math.min(announced?.index ?? text.length, bare?.index ?? text.length);
  if (cut >= text.length) return { text };
  const from = cut === announced?.index ? cut + announced[0].length : cut;
  const original = text.slice(from).replace(/^\s{0,200}/, "");
  return { text: text.slice(0, cut), ...(original && { original }) };
}
