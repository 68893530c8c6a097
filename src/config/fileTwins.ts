// Keys of the file that may name a file to read their value from: `pass` or `pass_file`, as with variables.
import { type ConfigFault, inside, type Place } from "./faults.ts";
import type { Tree } from "./fields.ts";
import { contentOf, type ReadFile } from "./variables.ts";

export type Twins = {
  /** The mapping with each twin replaced by its file's content; a twin that could not be read is left out. */
  tree: Map<string, Tree>;
  /** Where a key's value stands: the key itself or its twin. */
  placeOf: (key: string) => Place;
  /** Keys that are set one way or the other, readable or not. */
  given: ReadonlySet<string>;
};

/**
 * Reads the twins of some keys of a mapping.
 * @param keys those that may have a twin
 * @param place where a key is; by default inside `at`
 */
export function readTwins(input: {
  tree: ReadonlyMap<string, Tree>;
  keys: readonly string[];
  at: Place;
  faults: ConfigFault[];
  readFile: ReadFile;
  place?: (key: string) => Place;
}): Twins {
  const { keys, at, faults, readFile, place = (key: string) => inside(at, key) } = input;
  const tree = new Map(input.tree);
  const fromFiles = new Set<string>();
  for (const key of keys) {
    const twin = `${key}_file`;
    const path = tree.get(twin);
    if (path === undefined) continue;
    tree.delete(twin);
    const complain = (text: string) => void faults.push({ ...place(twin), text });
    if (tree.has(key)) {
      complain(`${key} is set too: keep one of the two`);
      continue;
    }
    fromFiles.add(key);
    if (typeof path !== "string" || path === "") {
      complain("must be a path");
      continue;
    }
    const content = contentOf(path, readFile);
    if ("fault" in content) complain(`the file that it names cannot be read: ${content.fault}`);
    else if (content.text === "") complain("the file that it names is empty: fill it, or leave the key out");
    else tree.set(key, content.text);
  }
  return {
    tree,
    placeOf: (key) => place(fromFiles.has(key) ? `${key}_file` : key),
    given: new Set([...tree.keys(), ...fromFiles]),
  };
}
