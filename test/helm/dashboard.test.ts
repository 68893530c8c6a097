// The Grafana dashboard and the alert rules speak of metrics and labels that the gateway has.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { dashboard, dashboardQueries, groupingsOf, selectorsOf } from "./dashboardQueries.ts";

const rules = parse(readFileSync(new URL("../../helm/files/alerts.yaml", import.meta.url), "utf8")) as {
  groups: { rules: { alert: string; expr: string }[] }[];
};
const queries = [
  ...dashboardQueries,
  ...rules.groups.flatMap((group) => group.rules.map(({ alert, expr }) => ({ title: alert, query: expr }))),
];
/** Given by whoever scrapes, or by the histogram's form. */
const labelsOfPrometheus = ["namespace", "job", "instance", "le"];

test("every metric that is asked for exists, with every label that it is matched or grouped by", async () => {
  const { registry } = createMetrics();
  const labelsOf = new Map<string, string[]>([["up", []]]);
  for (const { name, type } of await registry.getMetricsAsJSON()) {
    const { labelNames = [] } = registry.getSingleMetric(name) as unknown as { labelNames?: string[] };
    const names = String(type) === "histogram" ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : [name];
    for (const series of names) labelsOf.set(series, labelNames);
  }
  for (const { title, query } of queries) {
    const selectors = selectorsOf(query);
    assert.ok(selectors.length > 0, `${title}: ${query}`);
    assert.equal(selectors.length, [...query.matchAll(/\bpostern_|\bup\{/g)].length, `${title} has a metric without a selector: ${query}`);
    for (const { metric, labels } of selectors) {
      const known = labelsOf.get(metric);
      assert.ok(known, `${title} asks for ${metric}, which does not exist`);
      for (const label of [...labels, ...groupingsOf(query)]) {
        assert.ok([...known, ...labelsOfPrometheus].includes(label), `${title}: ${metric} has no label ${label}`);
      }
    }
  }
});

test("every metric of ours is on the dashboard", async () => {
  const { registry } = createMetrics();
  const all = (await registry.getMetricsAsJSON()).map(({ name }) => name).filter((name) => !/^postern_(process|nodejs)_/.test(name));
  const shown = dashboardQueries.map(({ query }) => query).join("\n");
  assert.deepEqual(
    all.filter((name) => !shown.includes(name)),
    [],
  );
});

test("what every process tells of the whole fleet is never added up", () => {
  const ofTheFleet =
    /\b(?:sum|avg)\b[^(]*\((?:max )?\s*postern_(queue_depth|oldest_waiting|workers|event_log_backlog|reports_pending|relay_(?:up|paused|held_connections)|redis_memory)/;
  for (const { title, query } of queries) assert.doesNotMatch(query, ofTheFleet, title);
});

test("no panel lies upon another, and each says what it shows", () => {
  const taken = new Map<string, string>();
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
  for (const { title, type, description, gridPos, targets = [] } of dashboard.panels) {
    assert.ok(title.length > 0);
    if (type !== "row") assert.ok(description && targets.length > 0, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      assert.ok(x < 24, title);
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        const other = taken.get(`${x},${y}`);
        assert.equal(other, undefined, `${title} lies upon ${other}`);
        taken.set(`${x},${y}`, title);
      }
    }
  }
});
