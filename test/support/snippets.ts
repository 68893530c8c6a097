// The snippets of the documentation, and which test proves each: a test gets its snippets from here, and test/ci/snippets.test.ts fails for
// one that no test gets.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A block of a page; of a shell's block each command by itself. */
export type Snippet = { page: string; line: number; language: string; text: string };

/** `takes`: the languages and, of shell commands and data, which of them. `provenBy`: the file that runs or reads them. */
const checks = {
  "a request": { takes: (it) => it.language === "sh" && it.text.startsWith("curl "), provenBy: "test/scenarios/documented.test.ts" },
  "a program": { takes: ({ language }) => language === "js" || language === "ts", provenBy: "test/scenarios/documented.test.ts" },
  "a mail as JSON": {
    takes: (it) => it.language === "json" && isObjectWith(it, "from", "to"),
    provenBy: "test/scenarios/documented.test.ts",
  },
  "an answer": {
    takes: (it) => it.language === "json" && !isObjectWith(it, "from", "to") && !isObjectWith(it, "level"),
    provenBy: "test/ci/snippets.test.ts",
  },
  "a log line": { takes: (it) => it.language === "json" && isObjectWith(it, "level"), provenBy: "test/ci/snippets.test.ts" },
  "a command line": {
    takes: (it) => it.language === "sh" && /^(\w+ \| )?postern /.test(it.text),
    provenBy: "test/cli/documented.test.ts",
  },
  "an environment": {
    takes: (it) => it.language === "sh" && /^(export )?[A-Z_]+=/.test(it.text),
    provenBy: "test/config/documented.test.ts",
  },
  "a key": {
    takes: (it) => it.language === "sh" && /^(openssl genpkey|echo "v=DKIM1;)/.test(it.text),
    provenBy: "test/config/documented.test.ts",
  },
  "a configuration": { takes: (it) => it.language === "yaml" && !it.page.startsWith("helm/"), provenBy: "test/config/documented.test.ts" },
  "values of the chart": { takes: (it) => it.language === "yaml" && it.page.startsWith("helm/"), provenBy: ".ci/chart.mjs" },
  "an installation": {
    takes: (it) => it.language === "sh" && /^(helm|docker compose) /.test(it.text),
    provenBy: "test/helm/documented.test.ts",
  },
  "a script": { takes: (it) => it.language === "sh" && it.text.startsWith("npm "), provenBy: "test/ci/snippets.test.ts" },
  "only shown": { takes: ({ language }) => language === "text", provenBy: "test/ci/snippets.test.ts" },
} satisfies Record<string, { takes(snippet: Snippet): boolean; provenBy: string }>;

export type Check = keyof typeof checks;

export const checkNames = Object.keys(checks) as Check[];

/** The checks that take a snippet: exactly one, if all is well. */
export function checksOf(snippet: Snippet): Check[] {
  return checkNames.filter((name) => (checks[name].takes as (it: Snippet) => boolean)(snippet));
}

/** The file that proves what a check takes, and its text. */
export function proofOf(check: Check): { file: string; text: string } {
  const file = checks[check].provenBy;
  return { file, text: readFileSync(join(root, file), "utf8") };
}

/** Every page with snippets for users. */
export const pages: readonly string[] = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "helm/README.md"],
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`)
    .toSorted(),
];

/** The snippets that a check takes, in the order of pages and lines. */
export function snippetsFor(check: Check): Snippet[] {
  return pages.flatMap(snippetsOf).filter((snippet) => checksOf(snippet).includes(check));
}

/** All snippets of a page. */
export function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^( *)```([^\n`]*)\n(.*?)^ *```$/gms)].flatMap(({ index, 1: indent = "", 2: language = "", 3: block = "" }) => {
    const line = text.slice(0, index).split("\n").length + 1;
    const snippet = { page, line, language, text: indent === "" ? block : block.replaceAll(new RegExp(`^${indent}`, "gm"), "") };
    return language === "sh" ? commandsOf(snippet) : [snippet];
  });
}

/** A shell's block in commands: a line, and those that continue it by a backslash or inside of quotes; remarks are left out. */
function commandsOf({ page, line, language, text }: Snippet): Snippet[] {
  const commands: Snippet[] = [];
  let whole = "";
  let begun = line;
  for (const [index, piece] of text.split("\n").entries()) {
    if (whole === "") begun = line + index;
    const { bare, isOpen } = scanned(`${whole}${piece}`);
    if (isOpen || bare.endsWith("\\")) {
      whole = `${bare}\n`;
      continue;
    }
    if (bare.trim() !== "") commands.push({ page, line: begun, language, text: bare.trim() });
    whole = "";
  }
  if (whole !== "") commands.push({ page, line: begun, language, text: whole });
  return commands;
}

/** A command without the remark at its end, and whether a quote is still open. */
function scanned(text: string): { bare: string; isOpen: boolean } {
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string;
    if (letter === "\\" && quote !== "'") at++;
    else if (quote !== "") quote = letter === quote ? "" : quote;
    else if (letter === "'" || letter === '"') quote = letter;
    else if (letter === "#" && /^$|\s/.test(text[at - 1] ?? "")) return { bare: text.slice(0, at).trimEnd(), isOpen: false };
  }
  return { bare: text, isOpen: quote !== "" };
}

function isObjectWith({ text }: Snippet, ...names: string[]): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && names.every((name) => Object.hasOwn(value, name));
  } catch {
    return false;
  }
}
