// Large files in JSON, which are nearly all of a large body: their base64 is decoded where it stands, a slice at a time, and never becomes a
// string. What is left of the body is small, and is parsed as ever.
import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createBase64Decoder, sliceLetters } from "../accept/base64.ts";
import { isRefusal } from "../domain/refusals.ts";
import type { JsonValue } from "./strictJson.ts";

/** Shorter ones are not worth the search. */
export const largeLetters = 16 * 1024;
/** How many slices are decoded before others get their turn: some 2 ms. */
const slicesAtATime = 24;

/** The members that may hold a file. */
const names = ['"content"', '"raw"'].map((name) => Buffer.from(name));
const [quote, colon, backslash] = [0x22, 0x3a, 0x5c];
const isSpace = (octet: number | undefined) => octet === 0x20 || octet === 0x0a || octet === 0x0d || octet === 0x09;

type StrictParser = (body: Buffer) => JsonValue | Promise<JsonValue>;

/** A string that stands in a body: where it begins, behind its quote, and where its closing quote is. */
type Place = { start: number; end: number };

/**
 * The value of a JSON body, with the verdicts of `parseStrictJson`. A long string that is base64 may come as its octets where a file stands:
 * as `raw`, as the `content` of an attachment, or as that of an attachment of one of `messages`.
 * @param parse the strict parser; it is the last to read what it is given
 */
export async function parseWithFiles(body: Buffer, parse: StrictParser): Promise<JsonValue> {
  // Whatever is out of the ordinary is judged by the strict parser alone, on the whole body.
  return (await takeFilesOut(body, parse)) ?? parse(body);
}

async function takeFilesOut(body: Buffer, parse: StrictParser): Promise<{ value: unknown } | undefined> {
  const places = largeStrings(body);
  if (places.length === 0) return undefined;
  const files: Buffer[] = [];
  for (const place of places) {
    const octets = await decodeAt(body, place);
    if (!octets) return undefined;
    files.push(octets);
  }
  // Nobody can have written these names into the body, not even one who saw those of another.
  const mark = randomUUID();
  const pieces: Buffer[] = [];
  let from = 0;
  for (const [index, { start, end }] of places.entries()) {
    pieces.push(body.subarray(from, start), Buffer.from(`${mark}.${index}`));
    from = end;
  }
  const parsed = await parse(Buffer.concat([...pieces, body.subarray(from)]));
  if (isRefusal(parsed)) return undefined;
  const fileOf = new Map(files.map((octets, index) => [`${mark}.${index}`, octets]));
  putFiles(parsed.value, fileOf);
  // One that stands elsewhere is a text like any other.
  return fileOf.size === 0 ? parsed : undefined;
}

/** The long strings that are the value of a member that may hold a file, in order; what is no JSON may yield anything. */
function largeStrings(body: Buffer): Place[] {
  return names.flatMap((name) => stringsOf(name, body)).sort((one, other) => one.start - other.start);
}

function stringsOf(name: Buffer, body: Buffer): Place[] {
  const places: Place[] = [];
  for (let at = body.indexOf(name); at !== -1; ) {
    let next = at + name.length;
    while (isSpace(body[next])) next += 1;
    if (body[next] === colon) {
      next += 1;
      while (isSpace(body[next])) next += 1;
      const end = body[next] === quote ? body.indexOf(quote, next + 1) : -1;
      if (end - next > largeLetters) {
        places.push({ start: next + 1, end });
        next = end + 1;
      }
    }
    at = body.indexOf(name, next);
  }
  return places;
}

/** Decodes the base64 of a string, of whose escapes some libraries write "\/", "\r" and "\n". Undefined if it is anything else. */
async function decodeAt(body: Buffer, { start, end }: Place): Promise<Buffer | undefined> {
  const decoder = createBase64Decoder(end - start);
  let slices = 0;
  for (let at = start; at < end; ) {
    let next = Math.min(at + sliceLetters, end);
    // No escape is parted.
    if (body[next - 1] === backslash && next < end) next += 1;
    const text = body.toString("latin1", at, next);
    if (!decoder.take(text.includes("\\") ? unescaped(text) : text)) return undefined;
    at = next;
    slices += 1;
    if (slices % slicesAtATime === 0) await nextTurn();
  }
  return decoder.end();
}

/** Without line breaks. A backslash that is left is no base64. */
function unescaped(text: string): string {
  // Where two stand side by side, the second begins no escape.
  if (text.includes("\\\\")) return text;
  return text.replaceAll("\\n", "").replaceAll("\\r", "").replaceAll("\\/", "/");
}

/** Puts the files where they may stand, and takes them off the list. */
function putFiles(value: unknown, files: Map<string, Buffer>): void {
  putFile(value, "raw", files);
  for (const message of [value, ...listOf(value, "messages")]) {
    for (const attachment of listOf(message, "attachments")) putFile(attachment, "content", files);
  }
}

function putFile(holder: unknown, name: string, files: Map<string, Buffer>): void {
  if (!isObject(holder)) return;
  const mark = holder[name];
  const octets = typeof mark === "string" ? files.get(mark) : undefined;
  if (!octets) return;
  holder[name] = octets;
  files.delete(mark as string);
}

function listOf(holder: unknown, name: string): readonly unknown[] {
  const list = isObject(holder) ? holder[name] : undefined;
  return Array.isArray(list) ? list : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
