// Memory over time, of the processes that live from the beginning to the end.
import { memoryOf } from "../support/memory.ts";

export type MemoryReport = {
  name: string;
  /** Medians of the resident memory, in megabytes, of the second and the last third. */
  middleMb: number;
  lastMb: number;
  /** How much the last third is above the middle one, as a share of it; negative below. */
  growth: number;
};

const everyMs = 500;

/** Begins to look. `report` tells of the time until then. */
export function watchMemory(processes: readonly { name: string; pid: number }[]): { report(): MemoryReport[]; stop(): void } {
  const samples = processes.map(() => [] as number[]);
  const timer = setInterval(() => {
    for (const [index, { pid }] of processes.entries()) samples[index]?.push(memoryOf(pid) / 2 ** 20);
  }, everyMs);
  return {
    report: () =>
      processes.map(({ name }, index) => {
        const own = samples[index] ?? [];
        const third = Math.floor(own.length / 3);
        const [middleMb, lastMb] = [median(own.slice(third, 2 * third)), median(own.slice(2 * third))];
        return { name, middleMb, lastMb, growth: lastMb / middleMb - 1 };
      }),
    stop: () => clearInterval(timer),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
