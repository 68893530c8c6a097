// npm run bench: what the product costs beside its peers. docs/performance.md says what is measured and how to ask for it.
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import type { Case, CaseResult } from "./case.ts";
import { backlog } from "./cases/backlog.ts";
import { attachment, batch, dkim, far, fifty, plain, secured } from "./cases/comparisons.ts";
import { hugeMessages } from "./cases/hugeMessages.ts";
import { openLoop } from "./cases/openLoop.ts";
import { guard } from "./guard.ts";
import { profile } from "./profile.ts";
import { recipeNames } from "./recipes.ts";
import { textOf, writeReport } from "./report.ts";

const cases: readonly Case[] = [plain, dkim, secured, far, fifty, attachment, batch, openLoop, hugeMessages, backlog];

function refuse(text: string): never {
  console.error(
    `${text}\nnpm run bench [-- --only CASE,…] [--rounds N] [--messages N] [--backlog N] [--haraka] [--json FILE] [--write] [--guard] [--profile [--recipe MAIL]]; ` +
      `the cases: ${cases.map(({ name }) => name).join(" ")}`,
  );
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string" },
    messages: { type: "string" },
    backlog: { type: "string", default: "1000000" },
    haraka: { type: "boolean", default: false },
    json: { type: "string" },
    write: { type: "boolean", default: false },
    guard: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    recipe: { type: "string", default: "plain" },
  },
});

function wholeNumber(option: "rounds" | "messages" | "backlog"): number | undefined {
  const text = values[option];
  if (text !== undefined && !/^[1-9]\d{0,8}$/.test(text)) refuse(`--${option} takes a whole number from 1`);
  return text === undefined ? undefined : Number(text);
}

const say = (line: string) => console.error(line);
const [rounds, messages] = [wholeNumber("rounds"), wholeNumber("messages")];
const wanted = values.only?.split(",");
for (const name of wanted ?? []) if (!cases.some((each) => each.name === name)) refuse(`${name} is no case`);

if (values.guard) process.exit((await guard({ rounds: rounds ?? 3, messages, say })) ? 0 : 1);
if (values.profile) {
  const recipe = recipeNames.find((name) => name === values.recipe) ?? refuse(`--recipe takes one of ${recipeNames.join(" ")}`);
  console.log(await profile({ recipe, messages: messages ?? 5_000 }));
  process.exit(0);
}

const results: CaseResult[] = [];
for (const each of cases.filter(({ name }) => wanted?.includes(name) ?? true)) {
  say(`${each.name}:`);
  const options = { rounds: rounds ?? 5, messages, backlog: wholeNumber("backlog") as number, withHaraka: values.haraka, say };
  const result = await each.run(options);
  results.push(result);
  console.log(`\n${textOf(result)}`);
  if (values.write) await writeReport([result]);
}
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, null, 1)}\n`);
