// Durations, sizes and rates as people write them (`10m`, `72h`, `25mb`, `50/s`), to numbers and back.
import type { Rate } from "./relay.ts";

const millisecondsPer = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** Powers of 1024, as mail servers count message sizes. */
const bytesPer = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 } as const;

function scaled(digits: string | undefined, factor: number): number | undefined {
  const value = Number(digits) * factor;
  return Number.isSafeInteger(value) ? value : undefined;
}

function inLargestUnit(value: number, units: Readonly<Record<string, number>>): string {
  const [name, factor] = Object.entries(units).findLast(([, size]) => value % size === 0) ?? ["", 1];
  return `${value / factor}${name}`;
}

/**
 * A whole number with one of the units ms, s, m, h, d (`250ms`, `10m`, `7d`), in milliseconds. `0` needs no unit.
 * Returns undefined for anything else, numbers without a unit and too large ones included.
 */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const match = /^(\d+)(ms|s|m|h|d)$/.exec(text);
  return match ? scaled(match[1], millisecondsPer[match[2] as keyof typeof millisecondsPer]) : undefined;
}

/** Whole milliseconds in the largest unit that leaves no remainder (`90000` is `90s`); `parseDuration` reads it back. */
export function formatDuration(durationMs: number): string {
  return durationMs === 0 ? "0" : inLargestUnit(durationMs, millisecondsPer);
}

/**
 * A whole number with one of the units b, kb, mb, gb in either case (`25mb` is 25 * 1024 * 1024), in bytes; without a unit it means bytes.
 * Returns undefined for anything else and for what is too large.
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)(b|kb|mb|gb)?$/.exec(text.toLowerCase());
  return match ? scaled(match[1], bytesPer[(match[2] ?? "b") as keyof typeof bytesPer]) : undefined;
}

/** Whole bytes in the largest unit that leaves no remainder; `parseSize` reads it back. */
export function formatSize(bytes: number): string {
  return bytes === 0 ? "0b" : inLargestUnit(bytes, bytesPer);
}

/**
 * A whole number from 1 up per unit of time, or per several of one (`50/s`, `2000/h`, `100/15m`): the units are those of durations.
 * Returns undefined for anything else and for what is too large.
 */
export function parseRate(text: string): Rate | undefined {
  const match = /^(\d+)\/(\d*)(ms|s|m|h|d)$/.exec(text);
  const count = scaled(match?.[1], 1);
  const perMs = parseDuration(`${match?.[2] || 1}${match?.[3]}`);
  return count && perMs ? { count, perMs } : undefined;
}

/** A rate with the largest unit that leaves no remainder (50 in 60,000 ms is `50/m`); `parseRate` reads it back. */
export function formatRate({ count, perMs }: Rate): string {
  return `${count}/${formatDuration(perMs).replace(/^1(?=\D)/, "")}`;
}
