// Scores the classifier against bounces that people really got. The corpus is not ours to keep here: BOUNCE_CORPUS names its folder
// (`expected.jsonl`, `examples/*.eml`). Reply lines are taken out of the reports crudely: this scores the reply rules, not a parser of reports.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Classification, classify } from "../../src/domain/classify.ts";
import type { Phase } from "../../src/domain/relay.ts";
import { parseReply } from "../../src/domain/replyParse.ts";
import { categoryOfReason } from "../support/sisimaiReasons.ts";

const corpus = process.env.BOUNCE_CORPUS;
const shareMin = 0.85;

type Expected = { file: string; bounces: { reason: string; hardbounce: boolean; replycode: number | string }[] };

/** Where the report says that the reply came, in Postfix's words. */
function phaseIn(text: string): Phase | undefined {
  if (/in reply to end of DATA/.test(text)) return "after_dot";
  if (/in reply to MAIL/.test(text)) return "mail";
  if (/in reply to RCPT/.test(text)) return "rcpt";
  return undefined;
}

/** The reply lines of a report, folded lines joined, the likeliest field first, doubles left out. */
function replyLines(report: string): string[] {
  const patterns = [
    /^[ >]*Diagnostic-Code:[ \t]*([^\n]*(?:\n[ \t]+[^\n]*)*)/gim,
    /\bsaid:\s+([245]\d\d[\s\S]{0,600}?)(?=\n\n|\(in reply|$)/gi,
    /^(?:<<< |[ \t]{0,8})([45]\d\d[ -][^\n]*(?:\n(?:<<< |[ \t]{0,8})\d\d\d[ -][^\n]*)*)/gm,
    /(?:\]|>|returned|was|ed):?\s+['"]?([45]\d\d[ -][^\n]*(?:\n[ \t]+[^\n]+)*)/g,
  ];
  for (const pattern of patterns) {
    const found = [...report.matchAll(pattern)].map((match) => (match[1] ?? "").replace(/\n(?:<<< )?/g, "\r\n").trim());
    const replies = [...new Set(found)].filter((line) => /[45]\d\d[ -]|[45]\.\d\.\d/.test(line));
    if (replies.length > 0) return replies;
  }
  return [];
}

test(`reply lines of real bounces get the expected category in ${shareMin * 100} of 100 cases`, {
  skip: corpus === undefined && "BOUNCE_CORPUS is not set",
}, (context) => {
  assert.ok(corpus, "BOUNCE_CORPUS is empty");
  const expected = readFileSync(join(corpus, "expected.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Expected);
  let judged = 0;
  let sameCategory = 0;
  let sameHardness = 0;
  for (const { file, bounces } of expected) {
    const report = readFileSync(join(corpus, "examples", file), "utf8").replaceAll("\r", "");
    const lines = replyLines(report);
    for (const [index, bounce] of bounces.entries()) {
      const category = categoryOfReason[bounce.reason];
      const line = lines[Math.min(index, lines.length - 1)];
      if (category === undefined || bounce.replycode === "" || line === undefined) continue;
      const phase = phaseIn(report);
      const got: Classification = classify({ reply: parseReply(line), ...(phase && { phase }) });
      judged++;
      if (got.category === category) sameCategory++;
      if (got.hardBounce === bounce.hardbounce) sameHardness++;
      if (got.category !== category || got.hardBounce !== bounce.hardbounce) {
        context.diagnostic(
          `${file}: ${bounce.reason}/${bounce.hardbounce} ≠ ${got.category}/${got.hardBounce} by ${got.rule}, ${phase}: ${line.slice(0, 160)}`,
        );
      }
    }
  }
  const share = (count: number) => `${count} of ${judged} (${((100 * count) / judged).toFixed(1)} %)`;
  context.diagnostic(`equal categories: ${share(sameCategory)}; equal hardness: ${share(sameHardness)}`);
  assert.ok(judged > 0, `no reply line was found in ${corpus}`);
  assert.ok(sameCategory / judged >= shareMin, `equal categories: ${share(sameCategory)}`);
});
