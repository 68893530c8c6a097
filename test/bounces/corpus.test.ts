// Scores the parser against reports that people really got. They are not ours to keep here: BOUNCE_CORPUS names their folder
// (`expected.jsonl`, what Sisimai 5.1 makes of each file of `examples/`). Prints what differs and the tables, and enforces the bars.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ReportKind } from "../../src/bounces/parsedReport.ts";
import { parseReport } from "../../src/bounces/parseReport.ts";
import { categoryOfReason } from "../support/sisimaiReasons.ts";
import { plainlyOtherwise } from "./plainlyOtherwise.ts";

const corpus = process.env.BOUNCE_CORPUS;
const bars = { found: 0.97, madeUp: 0.03, kind: 0.98, hardBounce: 0.95, category: 0.9 };

type Bounce = { recipient: string; reason: string; hardbounce: boolean; action: string };
type Expected = { file: string; bounces: Bounce[] };

/** How often which judgement met which expectation. */
type Confusion = Map<string, Map<string, number>>;

function count(confusion: Confusion, expected: string, got: string): void {
  const row = confusion.get(expected) ?? new Map<string, number>();
  confusion.set(expected, row.set(got, (row.get(got) ?? 0) + 1));
}

function print(context: TestContext, title: string, confusion: Confusion): void {
  context.diagnostic(`${title} (expected: got × times)`);
  for (const [expected, row] of [...confusion].sort(([a], [b]) => a.localeCompare(b))) {
    const cells = [...row].sort(([, a], [, b]) => b - a).map(([got, times]) => `${got === expected ? "=" : got} × ${times}`);
    context.diagnostic(`  ${expected}: ${cells.join(", ")}`);
  }
}

/** Shares of agreement in the kinds, categories and hardness; `all` counts what `plainlyOtherwise` excuses. */
class Score {
  right = 0;
  excused = 0;
  all = 0;
  readonly confusion: Confusion = new Map();
  add(expected: string, got: string, excuse: boolean): void {
    count(this.confusion, expected, got);
    this.all++;
    if (expected === got) this.right++;
    else if (excuse) this.excused++;
  }
  get share(): number {
    return (this.right + this.excused) / this.all;
  }
  toString(): string {
    const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
    return `${percent(this.share)} (${percent(this.right / this.all)} to the letter) of ${this.all}`;
  }
}

function expectedKind({ bounces }: Expected): ReportKind {
  if (bounces.length === 0) return "auto_reply";
  if (bounces.some(({ reason }) => reason === "feedback")) return "complaint";
  if (bounces.every(({ reason }) => reason === "delivered")) return "delivered";
  return bounces.every(({ action }) => action === "delayed") ? "delayed" : "bounce";
}

test("reports that people really got are read as Sisimai reads them, but where their own text says otherwise", {
  skip: corpus === undefined && "BOUNCE_CORPUS is not set",
}, (context) => {
  assert.ok(corpus, "BOUNCE_CORPUS is empty");
  const lines = readFileSync(join(corpus, "expected.jsonl"), "utf8").split("\n");
  const files = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Expected);
  const [kind, category, hardBounce] = [new Score(), new Score(), new Score()];
  let [named, found, madeUp] = [0, 0, 0];
  for (const expected of files) {
    const { file, bounces } = expected;
    const excuse = plainlyOtherwise.get(file);
    const got = parseReport(readFileSync(join(corpus, "examples", file)));
    const differences: string[] = [];
    kind.add(expectedKind(expected), got.kind, excuse?.kind === got.kind);
    if (expectedKind(expected) !== got.kind) differences.push(`${expectedKind(expected)} ≠ ${got.kind}`);
    const reports = new Map(got.reports.map((report) => [report.recipient.toLowerCase(), report]));
    const wanted = new Map(bounces.map((bounce) => [bounce.recipient.toLowerCase(), bounce]));
    if (!excuse?.recipients) {
      named += wanted.size;
      const made = [...reports.keys()].filter((address) => !wanted.has(address));
      madeUp += made.length;
      if (made.length > 0) differences.push(`made up ${made.length}`);
    }
    for (const [address, bounce] of wanted) {
      const report = reports.get(address);
      if (!report) {
        if (!excuse?.recipients) differences.push("one was not found");
        continue;
      }
      if (!excuse?.recipients) found++;
      const reason = categoryOfReason[bounce.reason];
      if (reason === undefined) continue;
      category.add(reason, report.category ?? "none", false);
      hardBounce.add(String(bounce.hardbounce), String(report.hardBounce), excuse?.hardBounce === report.hardBounce);
      const [theirs, ours] = [`${reason}/${bounce.hardbounce}`, `${report.category}/${report.hardBounce}`];
      if (theirs !== ours)
        differences.push(`${theirs} ≠ ${ours} by ${report.rule}: ${report.reply.code} ${report.reply.text.slice(0, 100)}`);
    }
    if (differences.length > 0) context.diagnostic(`${file} [${got.dialect}]${excuse ? " (excused)" : ""}: ${differences.join("; ")}`);
  }
  print(context, "kinds", kind.confusion);
  print(context, "categories", category.confusion);
  print(context, "hard bounces", hardBounce.confusion);
  context.diagnostic(`recipients found: ${found} of ${named}; made up: ${madeUp}`);
  context.diagnostic(`kinds: ${kind}; hard bounces: ${hardBounce}; categories: ${category}`);
  assert.ok(found / named >= bars.found, `recipients found: ${found} of ${named}`);
  assert.ok(madeUp / named <= bars.madeUp, `recipients made up: ${madeUp} of ${named}`);
  assert.ok(kind.share >= bars.kind, `kinds: ${kind}`);
  assert.ok(hardBounce.share >= bars.hardBounce, `hard bounces: ${hardBounce}`);
  assert.ok(category.share >= bars.category, `categories: ${category}`);
});
