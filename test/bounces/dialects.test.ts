// Proves that every row about the wording of reports knows its own example.
import assert from "node:assert/strict";
import { test } from "node:test";
import { autoReplyFields, isAutoReply } from "../../src/bounces/autoReply.ts";
import { dialects } from "../../src/bounces/dialects.ts";
import { parseReport } from "../../src/bounces/parseReport.ts";
import { phaseIn, refusalPlaces } from "../../src/bounces/quotedReplies.ts";
import { originalAnnouncements, returnedOriginal } from "../../src/bounces/returnedOriginal.ts";

test("every dialect reads its own example, and no earlier one does", () => {
  for (const { id, example, expects } of dialects) {
    const { kind, dialect, reports } = parseReport(Buffer.from(example));
    const [report] = reports;
    const got = { kind, dialect, recipient: report?.recipient };
    assert.deepEqual(got, { kind: expects.kind, dialect: id, recipient: expects.recipient });
    assert.equal(reports.length, 1, id);
    if (expects.category) assert.equal(report?.category, expects.category, `${id}: ${JSON.stringify(report)}`);
    if (expects.hardBounce !== undefined) assert.equal(report?.hardBounce, expects.hardBounce, `${id}: ${JSON.stringify(report)}`);
  }
});

test("no two dialects share an id", () => {
  assert.equal(new Set(dialects.map(({ id }) => id)).size, dialects.length);
});

test("every announcement of the returned message ends the report's own words", () => {
  for (const { example } of originalAnnouncements) {
    const { text, original } = returnedOriginal(`Sorry.\n\n${example}\n\nReceived: from mail.example.net\nFrom: sender@example.net\n`);
    assert.equal(text.trim(), "Sorry.", example);
    assert.match(original ?? "", /^Received:/, example);
  }
});

test("every wording that places a refusal in the transaction places its own example", () => {
  for (const { example, phase } of refusalPlaces) assert.equal(phaseIn(example), phase, example);
});

test("every field of automatic replies marks one", () => {
  for (const { name, example } of autoReplyFields) {
    const header = (asked: string) => (asked === name ? example : undefined);
    assert.equal(isAutoReply({ header, subject: "Hello" }), true, name);
  }
  assert.equal(isAutoReply({ header: () => undefined, subject: "Hello" }), false);
});

test("no expression repeats without a bound, so that a hostile report costs no more than a long one", () => {
  const ofDialects = dialects.flatMap(({ id, when, opening, closing, recipients }) =>
    [when.from, when.subject, when.text, when.words, opening, closing, ...recipients].map((expression) => ({ id, expression })),
  );
  const others = [...originalAnnouncements, ...refusalPlaces].map(({ wording, example }) => ({ id: example, expression: wording }));
  for (const { id, expression } of [...ofDialects, ...others]) {
    const source = expression?.source.replace(/\[(?:\\.|[^\]])*\]/g, "[]").replace(/\\./g, "\\");
    if (source) assert.doesNotMatch(source, /[*+]|\{\d+,\}/, id);
  }
});
