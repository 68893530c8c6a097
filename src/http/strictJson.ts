// Parses a JSON body and refuses what would not survive: what two parsers could read differently is no request.
import type { Refusal } from "../domain/refusals.ts";

const depthMax = 32;
const membersMax = 100_000;

const text = new TextDecoder("utf-8", { fatal: true });

/**
 * The value of a JSON body. Refused: bytes that are no UTF-8 or no JSON, duplicate members, `__proto__` and `constructor.prototype`,
 * nesting deeper than 32, numbers that change when read (1e400, integers past 2^53), lone surrogates, over 100,000 members.
 */
export function parseStrictJson(body: Buffer): { value: unknown } | Refusal {
  let source: string;
  try {
    source = text.decode(body);
  } catch {
    return malformed("The body is no UTF-8.");
  }
  // The scan comes first: it is cheap to end early, while parsing a million members is not.
  const fault = scan(source);
  if (fault) return fault;
  try {
    return { value: JSON.parse(source) };
  } catch {
    return malformed(source.trim() === "" ? "The body is empty; send a JSON object." : "The body is no valid JSON.");
  }
}

function malformed(detail: string): Refusal {
  return { refused: "malformed_json", detail };
}

type Level = { names: Set<string> | undefined; name: string };

/** Looks for what JSON.parse would let pass. The text may be malformed; then JSON.parse says so afterwards. */
function scan(source: string): Refusal | undefined {
  const levels: Level[] = [];
  let members = 0;
  // Strings are found by their ends, everything else by its first character.
  for (let position = 0; position < source.length; position++) {
    const character = source[position] as string;
    if (character === '"') {
      const end = endOfString(source, position);
      if (end === undefined) return undefined;
      const token = source.slice(position, end + 1);
      const value = token.includes("\\") ? unescaped(token) : token.slice(1, -1);
      if (value === undefined) return undefined;
      if (!value.isWellFormed()) return malformed("A string holds half a character (a lone surrogate).");
      position = end;
      const level = levels.at(-1);
      if (level?.names && isName(source, end + 1)) {
        const fault = takeName(level, value, levels);
        if (fault) return fault;
      }
    } else if (character === "{" || character === "[") {
      levels.push({ names: character === "{" ? new Set() : undefined, name: "" });
      if (levels.length > depthMax) return malformed(`The body is nested deeper than ${depthMax} levels.`);
    } else if (character === "}" || character === "]") {
      levels.pop();
    } else if (character === "," || character === ":") {
      members += 1;
      if (members > membersMax) return { refused: "body_too_large", detail: `The body has more than ${membersMax} members.` };
    } else if (character === "-" || (character >= "0" && character <= "9")) {
      const number = numberAt(source, position);
      if (!survives(number)) return malformed(`The number ${number.slice(0, 40)} does not survive being read; send it as a string.`);
      position += number.length - 1;
    }
  }
  return undefined;
}

function endOfString(source: string, start: number): number | undefined {
  for (let end = source.indexOf('"', start + 1); end !== -1; end = source.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (source[end - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
  return undefined;
}

function unescaped(token: string): string | undefined {
  try {
    return JSON.parse(token) as string;
  } catch {
    return undefined;
  }
}

/** Whether the string that ended before `position` is a member's name. */
function isName(source: string, position: number): boolean {
  let next = position;
  while (/\s/.test(source[next] ?? "x")) next += 1;
  return source[next] === ":";
}

function takeName(level: Level, name: string, levels: readonly Level[]): Refusal | undefined {
  if (level.names?.has(name)) return malformed(`The member ${JSON.stringify(name.slice(0, 100))} stands twice in one object.`);
  const parent = levels.at(-2);
  if (name === "__proto__" || (name === "prototype" && parent?.name === "constructor")) {
    return malformed(`The member ${JSON.stringify(name)} is not allowed.`);
  }
  level.names?.add(name);
  level.name = name;
  return undefined;
}

const numberPattern = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function numberAt(source: string, position: number): string {
  numberPattern.lastIndex = position;
  return numberPattern.exec(source)?.[0] ?? (source[position] as string);
}

function survives(number: string): boolean {
  const value = Number(number);
  if (!Number.isFinite(value)) return !/\d/.test(number);
  return !/^-?\d+$/.test(number) || Number.isSafeInteger(value);
}
