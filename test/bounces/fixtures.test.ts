// Proves what is read out of each fixture: pairs of a report (`.eml`) and what it says (`.json`), all written by hand.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parseReport } from "../../src/bounces/parseReport.ts";

type Expected = {
  kind: string;
  reports: { recipient: string; action: string; category?: string; hard_bounce?: boolean; code?: number; enhanced?: string }[];
  original_message_id?: string;
  original_recipient?: string;
  reporting_mta?: string;
  envelope_id?: string;
  feedback_type?: string;
};

const folder = new URL("fixtures/", import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".eml"))
  .map((file) => file.slice(0, -4));

test("there are fixtures, each with what it says", () => {
  assert.ok(names.length >= 40, `${names.length} fixtures`);
});

for (const name of names) {
  test(`the report ${name} is read as written beside it`, () => {
    const expected = JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8")) as Expected;
    const parsed = parseReport(readFileSync(new URL(`${name}.eml`, folder)));
    assert.equal(parsed.kind, expected.kind);
    const got = parsed.reports.map(({ recipient, action, category, hardBounce, reply }, index) => {
      const wanted = expected.reports[index];
      return {
        recipient,
        action,
        ...(wanted?.category !== undefined && { category, hard_bounce: hardBounce }),
        ...(wanted?.code !== undefined && { code: reply.code, enhanced: reply.enhanced }),
      };
    });
    assert.deepEqual(got, expected.reports);
    assert.equal(parsed.original?.messageId, expected.original_message_id);
    if (expected.original_recipient) assert.equal(parsed.reports[0]?.originalRecipient, expected.original_recipient);
    if (expected.reporting_mta) assert.equal(parsed.reportingMta, expected.reporting_mta);
    assert.equal(parsed.envelopeId, expected.envelope_id);
    assert.equal(parsed.feedbackType, expected.feedback_type);
  });
}
