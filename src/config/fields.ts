// Reads a mapping key by key against a shape of zod schemas, so that one bad key hides no other fault.
import type { z } from "zod";
import { type ConfigFault, inside, nearest, type Place } from "./faults.ts";

/** What the file and the environment are made of before a schema has seen them: every scalar is text. */
export type Tree = string | Tree[] | Map<string, Tree>;

export type Shape = Record<string, z.ZodType>;

/** What was readable: a key is missing if it was not given or was faulty. */
export type Fields<S extends Shape> = { [Key in keyof S]?: z.output<S[Key]> };

/** The keys and values of a mapping; nothing for a blank one (`retry:` with nothing behind it); undefined for a list or a scalar. */
export function entriesOf(tree: Tree | undefined): Map<string, Tree> | undefined {
  if (tree instanceof Map) return tree;
  return tree === undefined || tree === "" ? new Map() : undefined;
}

/**
 * Reads one mapping.
 * @param shape the known keys, each with the schema of its value
 * @param hint what to say of an unknown key instead of proposing a known one
 * @param place where a key is, for its faults; by default inside `at`
 */
export function readFields<S extends Shape>(input: {
  shape: S;
  tree: Tree | undefined;
  at: Place;
  faults: ConfigFault[];
  hint?: (key: string) => string | undefined;
  place?: (key: string) => Place;
}): Fields<S> {
  const { shape, tree, at, faults, hint, place = (key) => inside(at, key) } = input;
  const fields: Record<string, unknown> = {};
  const entries = entriesOf(tree);
  if (!entries) faults.push({ ...at, text: "must be a mapping of keys to values" });
  for (const [key, value] of entries ?? []) {
    const schema = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (schema) {
      const result = schema.safeParse(value);
      if (result.success) fields[key] = result.data;
      for (const issue of result.error?.issues ?? []) {
        const where = issue.path.reduce<Place>((inner, step) => inside(inner, step as string | number), place(key));
        faults.push({ ...where, text: issue.message });
      }
    } else {
      const known = Object.keys(shape);
      const meant = nearest(key, known);
      const advice =
        hint?.(key) ?? (meant ? `did you mean ${meant}?` : known.length > 0 ? `known are ${known.join(", ")}` : "leave it out");
      faults.push({ ...place(key), text: `unknown key: ${advice}` });
    }
  }
  return fields as Fields<S>;
}
