// How much memory a process has.
import { readFileSync } from "node:fs";

/** A process's resident memory in bytes (`VmRSS` of proc(5)); NaN once it has ended, or where there is no /proc. */
export function memoryOf(pid: number): number {
  try {
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
  } catch {
    return Number.NaN;
  }
}
