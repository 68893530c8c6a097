// Parses a JSON body and refuses what would not survive: what two parsers could read differently is no request.
import type { Refusal } from "../domain/refusals.ts";

/** What a body says, or why it is refused. */
export type JsonValue = { value: unknown } | Refusal;

const depthMax = 32;
/** Names, values and separators. A batch of 500 messages to 50 named recipients each has some 250,000. */
const tokensMax = 300_000;
/** No object that any operation takes has so many: the most are metadata, by their 4 kB. */
const membersMax = 1_000;

const text = new TextDecoder("utf-8", { fatal: true });

/**
 * The value of a JSON body. Refused: bytes that are no UTF-8 or no JSON, duplicate members, `__proto__` and `constructor.prototype`,
 * nesting deeper than 32, numbers that change when read (1e400, integers past 2^53), lone surrogates, over 300,000 names, values and separators,
 * over 1,000 members in one object.
 */
export function parseStrictJson(body: Buffer): JsonValue {
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

function tooLarge(detail: string): Refusal {
  return { refused: "body_too_large", detail };
}

type Level = { names: Set<string> | undefined; name: string };

const quote = 0x22;
const minus = 0x2d;

/** Looks for what JSON.parse would let pass, up to the first character that can be no JSON: JSON.parse then says so. */
function scan(source: string): Refusal | undefined {
  const levels: Level[] = [];
  for (let position = afterSpace(source, 0), tokens = 0; position < source.length; position = afterSpace(source, position)) {
    tokens += 1;
    if (tokens > tokensMax) return tooLarge(`The body has more than ${tokensMax} names, values and separators.`);
    const code = source.charCodeAt(position);
    if (code === quote) {
      const end = endOfString(source, position);
      if (end === undefined) return undefined;
      const fault = takeString(source, position, end, levels);
      if (fault) return fault === "malformed" ? undefined : fault;
      position = end + 1;
    } else if (code === minus || (code >= 0x30 && code <= 0x39)) {
      const number = numberAt(source, position);
      if (number === undefined) return undefined;
      if (!survives(number)) return malformed(`The number ${number.slice(0, 40)} does not survive being read; send it as a string.`);
      position += number.length;
    } else {
      const length = takePunctuation(source, position, levels);
      if (length === 0) return undefined;
      if (levels.length > depthMax) return malformed(`The body is nested deeper than ${depthMax} levels.`);
      position += length;
    }
  }
  return undefined;
}

const space = /[ \t\n\r]*/y;

function afterSpace(source: string, position: number): number {
  space.lastIndex = position;
  space.test(source);
  return space.lastIndex;
}

/** How many characters a separator, bracket or literal takes; 0 if it is none. */
function takePunctuation(source: string, position: number, levels: Level[]): number {
  const character = source[position];
  switch (character) {
    case "{":
    case "[":
      levels.push({ names: character === "{" ? new Set() : undefined, name: "" });
      return 1;
    case "}":
    case "]":
      return levels.pop() ? 1 : 0;
    case ",":
    case ":":
      return 1;
    default:
      return ["true", "false", "null"].find((literal) => source.startsWith(literal, position))?.length ?? 0;
  }
}

function takeString(source: string, start: number, end: number, levels: readonly Level[]): Refusal | "malformed" | undefined {
  const token = source.slice(start, end + 1);
  const level = levels.at(-1);
  const isName = level?.names !== undefined && source[afterSpace(source, end + 1)] === ":";
  // Only an escape can make half a character: what stands for itself came as UTF-8.
  const mayBeHalf = token.includes("\\u");
  if (!isName && !mayBeHalf) return undefined;
  const value = token.includes("\\") ? unescaped(token) : token.slice(1, -1);
  if (value === undefined) return "malformed";
  if (mayBeHalf && !value.isWellFormed()) return malformed("A string holds half a character (a lone surrogate).");
  return isName ? takeName(level, value, levels) : undefined;
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

function takeName(level: Level, name: string, levels: readonly Level[]): Refusal | undefined {
  if (level.names?.has(name)) return malformed(`The member ${JSON.stringify(name.slice(0, 100))} stands twice in one object.`);
  const parent = levels.at(-2);
  if (name === "__proto__" || (name === "prototype" && parent?.name === "constructor")) {
    return malformed(`The member ${JSON.stringify(name)} is not allowed.`);
  }
  level.names?.add(name);
  if ((level.names?.size ?? 0) > membersMax) return tooLarge(`An object of the body has more than ${membersMax} members.`);
  level.name = name;
  return undefined;
}

const numberPattern = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function numberAt(source: string, position: number): string | undefined {
  numberPattern.lastIndex = position;
  return numberPattern.exec(source)?.[0];
}

function survives(number: string): boolean {
  const value = Number(number);
  return Number.isFinite(value) && (!/^-?\d+$/.test(number) || Number.isSafeInteger(value));
}
