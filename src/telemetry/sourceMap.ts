// Where a place of the built program comes from. The server is bundled: without this, a stack would name chunks, of which nobody knows what
// is in them. A chunk's map is read when something of it is told for the first time, and not before: most processes never log a stack.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";

/** Lines count from one, as in a stack; `path` from the repository's root, like `src/deliver/deliver.ts`. */
export type Place = { path: string; line: number; column: number };

function readMap(file: string): TraceMap | undefined {
  try {
    return new TraceMap(readFileSync(`${file}.map`, "utf8"));
  } catch {
    // A stack that names chunks is better than none.
    return undefined;
  }
}

const maps = new Map<string, TraceMap | undefined>();

/**
 * The source of a place in a built file, of ours or of a package.
 * @param url of the file; the map lies beside it
 * @returns undefined where there is no map, or nothing in it
 */
export function sourceOf(url: string, line: number, column: number): Place | undefined {
  if (!maps.has(url)) maps.set(url, readMap(fileURLToPath(url)));
  const map = maps.get(url);
  const found = map && originalPositionFor(map, { line, column: column - 1 });
  if (!found || found.source === null) return undefined;
  return { path: found.source.replace(/^(\.\.\/)+/, ""), line: found.line, column: found.column + 1 };
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
