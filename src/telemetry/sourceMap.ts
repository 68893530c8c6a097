// Where a place of the built program comes from. The server is bundled: without this, a stack would name chunks, of which nobody knows what
// is in them. A chunk's map is read when something of it is told for the first time, and not before: most processes never log a stack.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Lines count from one, as in a stack; `path` from the repository's root, like `src/deliver/deliver.ts`. */
export type Place = { path: string; line: number; column: number };

/** `starts`: of each line where it begins in `mappings`, and the source, line and column that its first segment counts from. */
type SourceMap = { sources: string[]; mappings: string; starts: Int32Array };

const digits = new Uint8Array(128);
for (const [value, digit] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries())
  digits[digit.charCodeAt(0)] = value;

const [comma, semicolon] = [0x2c, 0x3b];

/**
 * Goes through mappings (ECMA-426 section 9) from a line's begin on.
 * @param state the source, line and column so far; changed as it goes
 * @param onSegment called with the generated column, when the state is that segment's; false ends it
 * @param onLine called where another line begins; false ends it
 */
function decode(
  mappings: string,
  { from, state, onSegment, onLine }: { from: number; state: Int32Array; onSegment(column: number): boolean; onLine(at: number): boolean },
): void {
  let [column, field, value, shift] = [0, 0, 0, 0];
  for (let at = from; ; at++) {
    const code = at < mappings.length ? mappings.charCodeAt(at) : semicolon;
    if (code === comma || code === semicolon) {
      if (field > 1 && !onSegment(column)) return;
      field = 0;
      if (code === comma) continue;
      if (at >= mappings.length || !onLine(at + 1)) return;
      column = 0;
      continue;
    }
    const digit = digits[code] ?? 0;
    value |= (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    const delta = value & 1 ? -(value >>> 1) : value >>> 1;
    if (field === 0) column += delta;
    else if (field < 4) state[field - 1] = (state[field - 1] ?? 0) + delta;
    field++;
    [value, shift] = [0, 0];
  }
}

function readMap(file: string): SourceMap | undefined {
  try {
    const { sources, mappings } = JSON.parse(readFileSync(`${file}.map`, "utf8")) as { sources: string[]; mappings: string };
    const state = new Int32Array(3);
    const starts = [0, 0, 0, 0];
    decode(mappings, { from: 0, state, onSegment: () => true, onLine: (at) => starts.push(at, ...state) > 0 });
    return { sources, mappings, starts: Int32Array.from(starts) };
  } catch {
    // A stack that names chunks is better than none.
    return undefined;
  }
}

const maps = new Map<string, SourceMap | undefined>();

/**
 * The source of a place in a built file, of ours or of a package.
 * @param url of the file; the map lies beside it
 * @returns undefined where there is no map, or nothing in it
 */
export function sourceOf(url: string, line: number, column: number): Place | undefined {
  if (!maps.has(url)) maps.set(url, readMap(fileURLToPath(url)));
  const map = maps.get(url);
  const start = map?.starts.subarray((line - 1) * 4, line * 4);
  if (!map || start?.length !== 4) return undefined;
  let found: number[] | undefined;
  const state = start.slice(1);
  const onSegment = (begin: number): boolean => {
    const isBefore = begin < column;
    if (isBefore || !found) found = [...state];
    return isBefore;
  };
  decode(map.mappings, { from: start[0] ?? 0, state, onSegment, onLine: () => false });
  const path = map.sources[found?.[0] ?? -1]?.replace(/^(\.\.\/)+/, "");
  return path === undefined ? undefined : { path, line: (found?.[1] ?? 0) + 1, column: (found?.[2] ?? 0) + 1 };
}

/** Only what the build wrote: in a folder of sources, a stack names them already. */
const program = new URL("../", import.meta.url).href;

/** A stack with the places of the sources in it. */
export function inSources(stack: string): string {
  return stack.replace(/(file:\/\/[^\s()]+\.js):(\d+):(\d+)/g, (whole, url: string, line: string, column: string) => {
    const place = url.startsWith(program) ? sourceOf(url, Number(line), Number(column)) : undefined;
    return place ? `${place.path}:${place.line}:${place.column}` : whole;
  });
}
