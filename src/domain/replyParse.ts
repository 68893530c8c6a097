// Reads one SMTP reply, as a server sent it or as a log or a delivery report quotes it, into code, enhanced code and text.
import type { Reply } from "./reply.ts";

/** No more of a reply is looked at: RFC 5321, section 4.5.3.1.5 allows 512 octets a line, and 40 such lines are more than anyone reads. */
const inputCharactersMax = 20_000;
const textCharactersMax = 1_000;

/** What logs and delivery reports put before a reply: a diagnostic type (RFC 3464, section 2.3.6), sendmail's arrows. */
const quotation = /^\s{0,20}(?:(?:smtp|lmtp|unknown|x-[a-z0-9-]{1,40})\s{0,5};|<<<)?\s{0,20}/i;
/** A reply quoted in the middle of a line: `host mx.example.com[192.0.2.1] said: 550 5.1.1 …`. */
const quotedCode = /(?::|\breturned|\bresponded with)\s{1,5}["'[]?(?=[45]\d\d[ -])/i;
const basicCode = /^([2-5]\d\d)(?=[^\w.]|$)/;
const lineEnd = /\r\n|\r|\n/;
const separator = /^(?:[-:=]|(?=\s))\s{0,5}/;
/** RFC 3463, section 2, at its place right after the basic code (RFC 2034, section 4). */
const leadingEnhanced = /^([245]\.\d{1,3}\.\d{1,3})(?!\d|\.\d)/;
/** Elsewhere only with a subject of RFC 3463 (0 to 7), so that neither addresses of hosts nor versions are taken for one. */
const laterEnhanced = /(?<![\w./=-])([245]\.[0-7]\.\d{1,3})(?![\w/]|\.\d)/g;

/** Control characters, lone surrogates, and what turns the direction of text or breaks its lines. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;

function cleaned(text: string): string {
  const printable = text.replace(/\s/gu, " ").replace(unprintable, "").replace(/ {2,}/g, " ").trim();
  const bounded = printable.slice(0, textCharactersMax);
  return bounded.replace(/\p{Cs}$/u, "").trimEnd();
}

/** The line from its basic code on, if it has one. */
function unquoted(line: string): string {
  const rest = line.slice(quotation.exec(line)?.[0].length ?? 0);
  if (basicCode.test(rest)) return rest;
  const quoted = quotedCode.exec(rest);
  return quoted ? rest.slice(quoted.index + quoted[0].length) : rest;
}

/** A line without its basic code, which some servers and reports repeat (`550 550 5.1.1 …`). */
function withoutBasicCode(line: string, code: string): string {
  let rest = line;
  for (let i = 0; i < 2 && basicCode.exec(rest)?.[1] === code; i++) rest = rest.slice(code.length).replace(separator, "");
  return rest;
}

/** The first enhanced code of the right class: at its place, else later in the text. */
function enhancedIn(lines: readonly string[], code: string): string | undefined {
  const fits = (candidate: string | undefined) => candidate !== undefined && (code === "" || candidate[0] === code[0]);
  const atItsPlace = lines.map((line) => leadingEnhanced.exec(line)?.[1]).find(fits);
  return (
    atItsPlace ??
    lines
      .flatMap((line) => [...line.matchAll(laterEnhanced)])
      .map((match) => match[1])
      .find(fits)
  );
}

/** A report that folded a reply's lines into one leaves the codes of the later lines inside. */
function withoutInnerCodes(text: string, code: string, enhanced: string): string {
  return text.replaceAll(new RegExp(`(?<= )${code}[- ]${enhanced.replaceAll(".", "[.]")}(?: |$)`, "g"), "");
}

/**
 * Parses one SMTP reply (RFC 5321, section 4.2; enhanced codes RFC 3463 and RFC 2034).
 * Never throws: what carries no basic code has `code: 0` ("the reply does not say"), and its text is kept.
 * @param raw the reply, its lines ended by CRLF, CR or LF; a multi-line reply may also have been folded into one line,
 *   or be quoted from a log or a Diagnostic-Code field
 * @returns `enhanced` only when its class is that of the basic code; `text` on one line, without control characters, at most 1,000 characters
 */
export function parseReply(raw: string): Reply {
  const [first = "", ...others] = raw
    .slice(0, inputCharactersMax)
    .split(lineEnd)
    .filter((line) => line.trim() !== "");
  const opening = unquoted(first);
  const code = basicCode.exec(opening)?.[1] ?? "";
  const lines = [opening, ...others.map((line) => line.replace(quotation, ""))].map((line) => withoutBasicCode(line, code));
  const enhanced = enhancedIn(lines, code);
  const text = lines.map((line) => (leadingEnhanced.exec(line)?.[1] === enhanced ? line.replace(leadingEnhanced, "") : line)).join(" ");
  return {
    code: Number(code),
    ...(enhanced && { enhanced }),
    text: cleaned(code && enhanced ? withoutInnerCodes(text, code, enhanced) : text),
  };
}
