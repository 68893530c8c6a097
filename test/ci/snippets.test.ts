// Every snippet of the documentation is proven by a test, or only shown and marked so (`text`). Here are the ones that run nothing.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { adviceOn } from "../../src/domain/classify.ts";
import { isMessageId } from "../../src/domain/ids.ts";
import { suppressionAdvice } from "../../src/domain/suppression.ts";
import { checkNames, checksOf, pages, proofOf, snippetsFor, snippetsOf } from "../support/snippets.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test("every snippet of every page is proven by exactly one check, or marked as text", () => {
  const all = pages.flatMap(snippetsOf);
  assert.ok(all.length > 100);
  const wrong = all.filter((snippet) => checksOf(snippet).length !== 1);
  const lines = wrong.map(
    (it) => `${it.page}:${it.line} (${it.language || "no language"}): ${checksOf(it).join(" and ") || "no check takes it"}`,
  );
  assert.deepEqual(lines, []);
});

test("no block is left open, or indented so that it is none", () => {
  for (const page of pages) {
    const fences = read(page).match(/^ *```/gm) ?? [];
    assert.equal(fences.length % 2, 0, page);
    const found = [...read(page).matchAll(/^( *)```([^\n`]*)\n(.*?)^ *```$/gms)].length;
    assert.equal(found, fences.length / 2, page);
  }
});

test("every check has snippets, and the file that is said to prove them gets them", () => {
  for (const check of checkNames) {
    assert.ok(snippetsFor(check).length > 0, check);
    const { file, text } = proofOf(check);
    if (check === "values of the chart") assert.match(text, /helm\/README\.md/, file);
    else assert.ok(text.includes(`snippetsFor("${check}")`), `${file} does not get ${check}`);
  }
});

test("what is only shown is not a program", () => {
  for (const { page, line, text } of snippetsFor("only shown"))
    assert.doesNotMatch(text, /^(\$ |curl |postern |npm |import )/m, `${page}:${line}`);
});

test("every npm script is one, with options that it has and names that it knows", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  for (const { page, line, text } of snippetsFor("a script")) {
    const [, verb = "", name = "", ...words] = text.split(/\s+/);
    const place = `${page}:${line}`;
    if (verb !== "run") {
      assert.ok(["ci", "start", "test", "cit"].includes(verb), place);
      continue;
    }
    const program = /test\/\w+\/main\.ts/.exec(scripts[name] ?? "")?.[0];
    assert.ok(program, `${place}: npm run ${name}`);
    const source = read(program);
    for (const [index, word] of words.entries()) {
      const option = /^--(\w+)$/.exec(word)?.[1];
      if (word === "--" || /^\d+$/.test(word)) continue;
      if (option !== undefined) assert.match(source, new RegExp(`\\b${option}: \\{ type:`), `${place}: --${option}`);
      else if (words[index - 1] === "--only") assert.match(read("test/bench/cases/comparisons.ts"), new RegExp(`name: "${word}"`), place);
      else if (words[index - 1] === "--recipe") assert.match(read("test/bench/recipes.ts"), new RegExp(`\\b${word}\\b`), place);
      else assert.ok(existsSync(new URL(`../scenarios/faults/${word}.test.ts`, import.meta.url)), `${place}: ${word}`);
    }
  }
});

type Schema = {
  $ref?: string;
  anyOf?: Schema[];
  enum?: unknown[];
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
};
const { schemas } = (JSON.parse(read("openapi/postern.json")) as { components: { schemas: Record<string, Schema> } }).components;

/** What of a value is not as the schema says, by place: fields that it does not have, words and types that it does not know. */
function faultsOf(schema: Schema | undefined, value: unknown, at = ""): string[] {
  if (!schema) return [`${at} is unknown`];
  if (schema.$ref) return faultsOf(schemas[schema.$ref.split("/").at(-1) ?? ""], value, at);
  if (schema.anyOf) {
    const all = schema.anyOf.map((each) => faultsOf(each, value, at));
    return all.some((faults) => faults.length === 0) ? [] : (all[0] ?? []);
  }
  if (schema.enum && !schema.enum.includes(value)) return [`${at} is none of ${schema.enum.join(", ")}`];
  if (Array.isArray(value)) return value.flatMap((item, index) => faultsOf(schema.items, item, `${at}/${index}`));
  if (value === null || typeof value !== "object") {
    const type = value === null ? "null" : Number.isInteger(value) ? "integer" : typeof value;
    return schema.type === undefined || [schema.type].flat().includes(type) ? [] : [`${at} is no ${schema.type}`];
  }
  return Object.entries(value).flatMap(([name, inner]) => faultsOf(schema.properties?.[name], inner, `${at}/${name}`));
}

test("every answer that is shown has fields and words of the API alone, and advice that is given", () => {
  const shapes: Record<string, string> = {
    "docs/bounces.md": "ReplyClassification",
    "docs/routes.md": "DryRun",
    "docs/suppressions.md": "Recipient",
  };
  for (const { page, line, text } of snippetsFor("an answer")) {
    const answer = JSON.parse(text) as { advice?: string; category?: string };
    assert.ok(shapes[page], `${page}:${line} needs a shape`);
    assert.deepEqual(faultsOf(schemas[shapes[page] ?? ""], answer), [], `${page}:${line}`);
    if (page === "docs/suppressions.md") assert.equal(answer.advice, suppressionAdvice({ reason: "bounce" }));
    else if (answer.advice !== undefined) assert.notEqual(adviceOn(answer as never), null);
  }
  assert.notDeepEqual(faultsOf(schemas.DryRun, { route: [{ recipient: 7 }], sizes: 1 }), [], "the check finds faults");
});

test("the log line that is shown has the names that the log writes", () => {
  const source = read("src/http/observe.ts");
  for (const { text } of snippetsFor("a log line")) {
    const { level, time, msg, message_id, trace_id, span_id, ...fields } = JSON.parse(text) as Record<string, string>;
    assert.deepEqual([level, msg], ["debug", "request"]);
    assert.ok(isMessageId(message_id ?? "") && !Number.isNaN(Date.parse(time ?? "")));
    assert.deepEqual([trace_id?.length, span_id?.length], [32, 16]);
    for (const name of Object.keys(fields)) assert.match(source, new RegExp(`\\b${name}\\b`), name);
  }
});
