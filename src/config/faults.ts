// A fault of the configuration: where it is, what is wrong and what to do. Values are never quoted, because any of them may be a secret.

/** `source` is a variable's name or the file's path; `path` the key inside of it, empty for the whole. */
export type Place = { source: string; path: string };

export type ConfigFault = Place & { text: string };

/** The fault as one readable line. */
export function faultLine({ source, path, text }: ConfigFault): string {
  return path === "" ? `${source}: ${text}` : `${source}: ${path}: ${text}`;
}

/** A key as it may be shown: a mistyped mapping can have half a URL, password included, as its key. */
function showable(key: string): string {
  if (/^[\w-]{1,64}$/.test(key)) return key;
  return /^[\w .-]{1,64}$/.test(key) ? JSON.stringify(key) : "(a key that is not a plain word)";
}

/** The place of a key of a mapping, or of an item of a list (counted from 0), inside another place. */
export function inside({ source, path }: Place, key: string | number): Place {
  if (typeof key === "number") return { source, path: `${path}[${key}]` };
  return { source, path: path === "" ? showable(key) : `${path}.${showable(key)}` };
}

/** The place of an option in a URL's query. */
export function insideQuery({ source, path }: Place, option: string): Place {
  const shown = `?${showable(option)}`;
  return path === "" ? { source: `${source}${shown}`, path } : { source, path: `${path}${shown}` };
}

/** Whether a place is the same as another one or inside of it. */
export function isWithin(place: Place, outer: Place): boolean {
  if (place.source !== outer.source || !place.path.startsWith(outer.path)) return false;
  return /^$|^[.[?]/.test(place.path.slice(outer.path.length));
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...left].entries()) {
    const next = [index + 1];
    for (const [column, other] of [...right].entries()) {
      next.push(Math.min((next[column] ?? 0) + 1, (row[column + 1] ?? 0) + 1, (row[column] ?? 0) + (letter === other ? 0 : 1)));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}

/** The known word that was probably meant, or undefined if none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const lower = word.toLowerCase().replaceAll("-", "_");
  const [best] = known
    .map((candidate) => ({
      candidate,
      distance: candidate.startsWith(lower) || lower.startsWith(candidate) ? 1 : editDistance(lower, candidate),
    }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return best?.candidate;
}
