// What the documentation of reports says is so: its tables, its example of an answer, its commands.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { matchRecipients } from "../../src/bounces/matchRecipients.ts";
import { parseReport } from "../../src/bounces/parseReport.ts";
import { adviceFor } from "../../src/domain/advice.ts";
import { classify, matchedText } from "../../src/domain/classify.ts";
import { replyView } from "../../src/domain/messageView.ts";
import { categories } from "../../src/domain/reply.ts";
import { parseReply } from "../../src/domain/replyParse.ts";
import { behaviourOf } from "../../src/sandbox/sandboxAddresses.ts";
import { complaint, dsn, vacation } from "../support/reportMail.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const text = read("docs/bounces.md");

/** The rows of the first table under a heading, without its head. */
function tableUnder(heading: string): string[][] {
  const lines = text.slice(text.indexOf(`\n## ${heading}\n`)).split("\n");
  const first = lines.findIndex((line) => line.startsWith("|"));
  const length = lines.slice(first).findIndex((line) => !line.startsWith("|"));
  return lines.slice(first + 2, first + length).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test("every category stands in docs/bounces.md with its advice", () => {
  assert.deepEqual(
    tableUnder("Categories"),
    categories.map((category) => [`\`${category}\``, adviceFor(category)]),
  );
});

test("the answer that docs/bounces.md shows is what the reply in its command means", () => {
  const { reply } = JSON.parse(/-d '(\{ "reply": .*\})'$/m.exec(text)?.[1] ?? "") as { reply: string };
  const shown = JSON.parse(/```json\n(.*?)\n```/s.exec(text)?.[1] ?? "");
  const parsed = parseReply(reply);
  const { category, hardBounce, advice, rule } = classify({ reply: parsed });
  assert.deepEqual(shown, {
    ...{ category, hard_bounce: hardBounce, advice, rule },
    ...{ matched_text: matchedText(rule, { reply: parsed }), reply: replyView(parsed) },
  });
});

test("the kinds of reports, their actions and what becomes of the recipient are as docs/bounces.md says", () => {
  const recipient = "user@example.com";
  const status = (action: string, code: string, diagnostic: string) => dsn({ recipient, action, status: code, diagnostic });
  const samples = [
    status("failed", "5.1.1", "550 5.1.1 User unknown"),
    status("failed", "5.2.1", "550 5.2.1 The mailbox user@example.com has been disabled"),
    status("failed", "5.2.2", "552 5.2.2 Mailbox full"),
    status("failed", "5.7.1", "554 5.7.1 Message rejected as spam by content scanner"),
    status("failed", "4.4.7", "Message expired: unable to deliver in 840 minutes"),
    status("delayed", "4.4.1", "450 4.4.1 try again later"),
    status("delivered", "2.0.0", "250 2.0.0 Ok"),
    status("relayed", "2.0.0", "250 2.0.0 Ok"),
    complaint({ recipient }),
    complaint({ recipient, type: "not-spam" }),
    vacation,
    "From: ada@example.net\r\nSubject: Hello\r\n\r\nThank you.\r\n",
  ];
  const rows = tableUnder("What became of it");
  assert.equal(rows.length, samples.length);
  for (const [index, [what, kind, action, becomes]] of rows.entries()) {
    const report = parseReport(Buffer.from(samples[index] ?? ""));
    const [match] = matchRecipients(report, [recipient], true);
    const said = [
      report.kind,
      match?.report.action ?? "",
      match === undefined || match.meaning === "none" ? "nothing else" : match.meaning,
    ];
    const words = (cell = "") => (cell.match(/`[^`]+`/g) ?? []).map((word) => word.slice(1, -1));
    assert.equal(words(kind)[0], said[0], what);
    assert.equal(words(action)[0] ?? "", said[1], what);
    assert.equal(words(becomes)[0] ?? becomes, said[2], what);
    assert.equal(becomes?.includes("hard_bounce: true"), match?.report.hardBounce === true, what);
  }
});

test("every path in the commands of docs/bounces.md is one of the API", () => {
  const { paths } = JSON.parse(read("openapi/postern.json")) as { paths: Record<string, Record<string, unknown>> };
  const commands = [...text.replaceAll("\\\n", "").matchAll(/^curl .*$/gm)].map(([line]) => line);
  assert.ok(commands.length >= 4);
  for (const command of commands) {
    const path = /127\.0\.0\.1:8080(\/[^\s"?]+)/.exec(command)?.[1]?.replace("REPORT_ID", "{id}") ?? "";
    const method = / (?:-d|--data-binary) /.test(command) ? "post" : "get";
    assert.ok(paths[path]?.[method], `${method} ${path}`);
  }
});

test("the sandbox's addresses are in README.md", () => {
  const named = [...read("README.md").matchAll(/`([a-z]+)@(?:sandbox\.test)?`/g)].map(([, name]) => `${name}@sandbox.test`);
  assert.ok(named.length >= 8);
  for (const address of named.filter((it) => !it.startsWith("delivered"))) {
    assert.notEqual(behaviourOf(address, "sandbox.test").kind, "accept", address);
  }
});
