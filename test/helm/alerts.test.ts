// The alert rules: taken by Prometheus, firing when they must and not when they must not, each with a word on what to do.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { parse, parseAllDocuments } from "yaml";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const promtool = (...args: string[]) => promisify(execFile)("promtool", args);
const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = (path: string) => readFileSync(pathOf(path), "utf8");

type Rules = { groups: { rules: { alert: string; annotations: { runbook_url: string } }[] }[] };
const rules = (parse(read("helm/files/alerts.yaml")) as Rules).groups.flatMap((group) => group.rules);

test("each alert fires when it must, and not when it must not", async () => {
  await promtool("check", "rules", pathOf("helm/files/alerts.yaml"));
  await promtool("test", "rules", pathOf("test/helm/alerts.yaml"));
  const { tests } = parse(read("test/helm/alerts.yaml")) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
  };
  const cases = tests.flatMap((it) => it.alert_rule_test);
  for (const { alert } of rules) {
    const fires = cases.filter(({ alertname }) => alertname === alert).map(({ exp_alerts }) => exp_alerts.length > 0);
    assert.deepEqual([fires.includes(true), fires.includes(false)], [true, true], `${alert} needs a case of each kind`);
  }
});

test("each alert leads to a section that says what to do", () => {
  const sections = [...read("docs/operating.md").matchAll(/^### (\w+)\n\n(\S)/gm)].map(([, heading]) => heading);
  assert.deepEqual(
    sections,
    rules.map(({ alert }) => alert),
  );
  for (const { alert, annotations } of rules) assert.equal(annotations.runbook_url, `docs/operating.md#${alert.toLowerCase()}`);
});

test("the chart puts its own selector into every rule, and where the documentation is kept into every link", async (t) => {
  const folder = await temporaryFolder({ name: "rules" });
  t.after(folder.remove);
  const count = (text: string, part: string) => text.split(part).length - 1;
  const source = read("helm/files/alerts.yaml");
  const selectors = { production: 'namespace="mail",job="postern"', cluster: 'cluster="blue",job="mail"' };
  const rendered = readdirSync(pathOf("test/helm/golden")).flatMap((file) => {
    const objects = parseAllDocuments(read(`test/helm/golden/${file}`)).map((it) => it.toJS() as { kind: string; spec: Rules });
    return objects.filter(({ kind }) => kind === "PrometheusRule").map(({ spec }) => ({ name: file.replace(".yaml", ""), spec }));
  });
  assert.deepEqual(rendered.map(({ name }) => name).sort(), Object.keys(selectors).sort());
  for (const { name, spec } of rendered) {
    const text = JSON.stringify(spec);
    const selector = JSON.stringify(selectors[name as keyof typeof selectors]).slice(1, -1);
    // Once in the remark at the file's head.
    assert.equal(count(text, selector), count(source, 'job="postern"') - 1);
    const file = join(folder.path, `${name}.json`);
    await writeFile(file, text);
    await promtool("check", "rules", file);
  }
  const production = rendered.find(({ name }) => name === "production")?.spec.groups[0]?.rules ?? [];
  for (const { annotations } of production)
    assert.match(annotations.runbook_url, /^https:\/\/docs\.example\.com\/postern\/docs\/operating\.md#/);
});
