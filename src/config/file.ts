// The YAML file as a tree of text: duplicate keys, aliases, tags and `${NAME}` are settled here, keys and values are judged by the sections.
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import { type ConfigFault, inside, type Place } from "./faults.ts";
import type { Tree } from "./fields.ts";

/** All far beyond any real file. The bound on nodes keeps aliases to aliases from growing without end. */
const nodesMax = 20_000;
const depthMax = 32;
const indentationMax = 200;
const charactersMax = 256 * 1024;

/** What the parser's codes mean. Its own messages are not used: some quote the file, which may hold secrets. */
const syntaxFaults: Readonly<Record<string, string>> = {
  BAD_INDENT: "the indentation, or a bracket that is not closed, is wrong here",
  BLOCK_AS_IMPLICIT_KEY: "a second colon on one line: quote the value that holds it",
  MISSING_CHAR: "a quote, a bracket, a comma or a colon is missing here",
  MULTIPLE_DOCS: "a second document begins here (---): the file must hold one",
  TAB_AS_INDENT: "a tab indents this line: use spaces",
  BAD_SCALAR_START: "this value begins with a reserved character: quote it",
  BAD_DQ_ESCAPE: "a backslash in double quotes begins no escape: use single quotes",
};

const tooDeep = "is nested too deep, or repeats itself through aliases: write it out plainly";
const otherSyntaxFault = "this does not belong here: quote a value that holds ${NAME}, a bracket, a comma or a colon";

/**
 * Replaces `${NAME}` by a variable's value; `$${` stands for a literal `${`. What is put in is not looked through again.
 * @returns the text, or the fault without quoting the text
 */
function interpolate(text: string, variable: (name: string) => string | undefined): { text: string } | { fault: string } {
  const faults: string[] = [];
  const replaced = text.replace(/\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)\})?/g, (found, name: string | undefined) => {
    if (found === "$${") return "${";
    if (name === undefined) {
      faults.push("holds ${ without a variable's name and }: write ${NAME}, or $${ for a literal ${");
      return "";
    }
    const value = variable(name);
    if (value === undefined) faults.push(`the variable ${name} is not set: set it, or write $\${ for a literal \${`);
    return value ?? "";
  });
  return faults[0] === undefined ? { text: replaced } : { fault: [...new Set(faults)].join("; ") };
}

/** The parser recurses without a bound, and at the end of the stack Node may abort instead of throwing: so depth is judged before. */
function isTooDeep(text: string): boolean {
  let open = 0;
  for (const bracket of text.match(/[[\]{}]/g) ?? []) {
    open = Math.max(0, open + (bracket === "[" || bracket === "{" ? 1 : -1));
    if (open > depthMax) return true;
  }
  return text.split("\n").some((line) => line.search(/[^ ?-]|$/) > indentationMax);
}

/**
 * Reads a YAML file's text into a tree.
 * @param source the file's path as faults shall name it
 * @param variable the environment's value of a name; undefined if it is not set
 * @param valueFaults gets the faults of values that could not even be read as text: blank in the tree, and not to be judged further
 * @returns the mapping at the top, or undefined, with faults added, if there is none
 */
export function readTree(input: {
  text: string;
  source: string;
  variable: (name: string) => string | undefined;
  faults: ConfigFault[];
  valueFaults: ConfigFault[];
}): Map<string, Tree> | undefined {
  const { text, source, variable, faults, valueFaults } = input;
  const root: Place = { source, path: "" };
  if (text.length > charactersMax) {
    faults.push({ ...root, text: "is larger than 256 kB: this is not a configuration file of Postern" });
    return undefined;
  }
  if (isTooDeep(text)) {
    faults.push({ ...root, text: tooDeep });
    return undefined;
  }
  const lines = new LineCounter();
  // The failsafe schema leaves every scalar as text: a password of digits keeps its leading zeros, `no` stays a word, and a value
  // from a variable is read exactly like one that stands in the file.
  const document = parseDocument(text, { schema: "failsafe", uniqueKeys: false, prettyErrors: false, lineCounter: lines });
  const lineOf = (offset: number | undefined) => lines.linePos(offset ?? 0).line;
  // One mistake confuses the parser several times on its line; the first is the one that helps.
  const firstOnLine = new Map(document.errors.toReversed().map((error) => [lineOf(error.pos[0]), error]));
  for (const [line, error] of [...firstOnLine].reverse()) {
    faults.push({ ...root, text: `line ${line} is not YAML: ${syntaxFaults[error.code] ?? otherSyntaxFault}` });
  }
  if (document.errors.length > 0) return undefined;

  let nodes = 0;
  let tooLarge = false;
  function treeOf(node: Node | null, at: Place, depth: number): Tree {
    nodes += 1;
    if (nodes > nodesMax || depth > depthMax) {
      tooLarge = true;
      return "";
    }
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target) return treeOf(target, at, depth + 1);
      valueFaults.push({ ...at, text: "begins with * but no anchor has that name: quote the value" });
      return "";
    }
    if (node?.tag) valueFaults.push({ ...at, text: "begins with ! (a tag): quote the value" });
    if (isSeq<Node | null>(node)) return node.items.map((item, index) => treeOf(item, inside(at, index), depth + 1));
    if (isMap<Node, Node | null>(node)) return mapOf(node.items, at, depth);
    if (!isScalar(node)) return "";
    const result = interpolate(String(node.value), variable);
    if ("text" in result) return result.text;
    valueFaults.push({ ...at, text: result.fault });
    return "";
  }
  function mapOf(pairs: readonly Pair<Node, Node | null>[], at: Place, depth: number): Map<string, Tree> {
    const entries = new Map<string, Tree>();
    for (const { key, value } of pairs) {
      if (!isScalar(key)) {
        faults.push({ ...at, text: `line ${lineOf(key?.range?.[0])}: a key must be a plain word` });
        continue;
      }
      const name = String(key.value);
      const place = inside(at, name);
      if (entries.has(name)) faults.push({ ...place, text: `stands there twice (again on line ${lineOf(key.range?.[0])}): keep one` });
      entries.set(name, treeOf(value, place, depth + 1));
    }
    return entries;
  }
  const tree = treeOf(document.contents, root, 0);
  if (tooLarge) {
    faults.push({ ...root, text: tooDeep });
    return undefined;
  }
  if (tree instanceof Map) return tree;
  if (tree === "") return new Map();
  faults.push({ ...root, text: "must be a mapping of keys to values at the top" });
  return undefined;
}
