// The dashboard's panels and the queries in them, as Grafana would send them to Prometheus.
import { readFileSync } from "node:fs";

type Panel = {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { h: number; w: number; x: number; y: number };
  targets?: { expr: string }[];
};
type Dashboard = { panels: Panel[]; templating: { list: { name: string; type: string; query: { query: string } | string }[] } };

export const dashboard = JSON.parse(readFileSync(new URL("../../helm/files/dashboard.json", import.meta.url), "utf8")) as Dashboard;

/** What stands for Grafana's variables: everything, and rates over half a minute. */
const variables: Record<string, string> = { namespace: ".*", job: ".*", relay: ".*", __rate_interval: "30s" };

/** Every query with its panel's title. */
export const dashboardQueries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({ title, query: expr.replace(/\$(\w+)/g, (found, name: string) => variables[name] ?? found) })),
);

/** The selectors in a query: each metric with the labels that it is matched by. Our queries have no string with a brace in it. */
export function selectorsOf(query: string): { metric: string; labels: string[] }[] {
  return [...query.matchAll(/\b(postern_\w+|up)\{([^}]*)\}/g)].map(([, metric = "", matchers = ""]) => ({
    metric,
    labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label),
  }));
}

/** The labels that a query groups by. */
export function groupingsOf(query: string): string[] {
  return [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = ""]) => labels.split(/,\s*/));
}
