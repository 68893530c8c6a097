// What was measured, told: as text, and in docs/performance.md with its plots and the raw figures.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import type { CaseResult, Table } from "./case.ts";
import { svgOf } from "./plot.ts";

const page = new URL("../../docs/performance.md", import.meta.url);
const folder = new URL("../../docs/performance/", import.meta.url);

function markdownTable({ title, columns, rows }: Table): string {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [...(title ? [`**${title}**`, ""] : []), line(columns), `|${"---|".repeat(columns.length)}`, ...rows.map(line)].join("\n");
}

/** The tables with columns that line up, for a terminal. */
export function textOf({ title, about, tables }: CaseResult): string {
  const grids = tables.map(({ columns, rows }) => {
    const lines = [columns, ...rows];
    const widths = columns.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
    return lines
      .map((cells) =>
        cells
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd(),
      )
      .join("\n");
  });
  return `${title}: ${about}\n${grids.join("\n\n")}\n`;
}

/** Where, when and on what: figures of another machine are other figures. */
export function circumstances() {
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? "unknown",
    node: process.versions.node,
  };
}

function sectionOf({ title, about, rounds, tables, plots }: CaseResult): string {
  const { date, cores, processor, node } = circumstances();
  const times = rounds === 1 ? "one round" : `median of ${rounds} rounds, with the range`;
  return [
    `## ${title}`,
    about,
    ...tables.map(markdownTable),
    ...plots.map(({ file, title: words }) => `![${words}](performance/${file}.svg)`),
    `<sub>${date}, ${cores} cores (${processor}), Node ${node}; ${times}.</sub>`,
  ].join("\n\n");
}

const markers = (name: string) => [`<!-- bench ${name} -->`, `<!-- end of ${name} -->`] as const;

/** The page with a case's section in its place; a case that it does not have comes last. */
export function withSection(text: string, name: string, section: string): string {
  const [begin, end] = markers(name);
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  const whole = `${begin}\n\n${section}\n\n${end}`;
  return from === -1 || to === -1 ? `${text.trimEnd()}\n\n${whole}\n` : text.slice(0, from) + whole + text.slice(to + end.length);
}

/** Writes sections, plots and raw figures. What other cases wrote before stays. */
export async function writeReport(results: readonly CaseResult[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  let text = await readFile(page, "utf8");
  for (const result of results) {
    text = withSection(text, result.name, sectionOf(result));
    for (const plot of result.plots) await writeFile(new URL(`${plot.file}.svg`, folder), svgOf(plot));
    const { plots: _, ...figures } = result;
    await writeFile(new URL(`${result.name}.json`, folder), `${JSON.stringify({ ...circumstances(), ...figures }, null, 1)}\n`);
  }
  await writeFile(page, text);
}
