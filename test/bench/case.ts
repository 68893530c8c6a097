// What a case is asked for, and what it tells: tables and plots, and the raw figures behind them.
import type { Turn } from "./contender.ts";

export type Table = { title?: string; columns: string[]; rows: string[][] };

/** Horizontal bars, each with its range. */
export type Plot = { file: string; title: string; unit: string; bars: { label: string; value: number; min: number; max: number }[] };

export type CaseResult = {
  name: string;
  title: string;
  /** What was measured, in a sentence or two; Markdown. */
  about: string;
  rounds: number;
  tables: Table[];
  plots: Plot[];
  /** Every turn of every round, for whoever wants other figures than these. */
  turns: Turn[];
};

export type RunOptions = {
  rounds: number;
  /** In place of the case's own number. */
  messages: number | undefined;
  /** How many are queued in the large backlog. */
  backlog: number;
  withHaraka: boolean;
  /** Told of what is going on. */
  say(line: string): void;
};

export type Case = { name: string; run(options: RunOptions): Promise<CaseResult> };

/** A figure with as many digits as it deserves. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

export function figureWithRange({ median, min, max }: { median: number; min: number; max: number }): string {
  return min === max ? figure(median) : `${figure(median)} (${figure(min)}–${figure(max)})`;
}
