// Finds Amazon SES's notifications where SNS mails them: JSON in a text part, bare or wrapped once more.
import type { ParsedReport } from "./parsedReport.ts";
import { objectIn, parseLenient, stringIn } from "./providers/lenientJson.ts";
import { readSes } from "./providers/ses.ts";

const jsonCharactersMax = 65_536;

/** The first JSON object in a text: lines that were folded in the mail are joined, what follows the object is left. */
function parseObject(text: string): ReturnType<typeof objectIn> {
  const from = text.indexOf("{");
  if (from === -1 || text.slice(0, from).trim() !== "") return undefined;
  const bounded = text.slice(from, from + jsonCharactersMax);
  const end = Math.max(bounded.lastIndexOf("}\n\n--"), bounded.lastIndexOf("}\n--"));
  const json = end === -1 ? bounded.slice(0, bounded.lastIndexOf("}") + 1) : bounded.slice(0, end + 1);
  for (const attempt of [json, json.replace(/\n /g, ""), json.replace(/\n/g, "")]) {
    const parsed = parseLenient(attempt);
    if (parsed !== undefined) return objectIn(parsed);
  }
  return undefined;
}

/** @returns undefined where the text is no such notification */
export function readSnsNotification(text: string): ParsedReport | undefined {
  if (!text.includes("otificationType") && !text.includes("eventType")) return undefined;
  const outer = parseObject(text);
  const wrapped = stringIn(outer?.Message);
  return readSes(wrapped === undefined ? outer : parseObject(wrapped));
}
