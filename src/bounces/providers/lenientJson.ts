// JSON as others write it: whatever is missing or of another type is read as absent. Nothing here throws.

/** A value of JSON. */
export type Lenient = unknown;

type Json = { [key: string]: unknown };

/** What a text says; undefined where it is no JSON. */
export function parseLenient(text: string): Lenient {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The text of a value; undefined where it cannot be written, being nested too deep. */
export function textOf(value: Lenient): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

export function objectIn(value: Lenient): Json | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

export function stringIn(value: Lenient): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A text, or a number as text. */
export function wordIn(value: Lenient): string | undefined {
  return typeof value === "number" ? String(value) : stringIn(value);
}

/** The row of a table; undefined where it has none, also for what every object inherits (`constructor`). */
export function rowOf<Row>(table: Readonly<Record<string, Row>>, name: Lenient): Row | undefined {
  return typeof name === "string" && Object.hasOwn(table, name) ? table[name] : undefined;
}

/** At most so many items; none where it is no list. */
export function listIn(value: Lenient, max: number): Lenient[] {
  return Array.isArray(value) ? value.slice(0, max) : [];
}
