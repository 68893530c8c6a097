// Jobs and the wake-ups in them. A job of one wake-up is named by it and carries nothing; a shared one carries the names of its wake-ups.
import type { PlannedWakeUp } from "../domain/dispatching.ts";
import { parseWakeUpId, type WakeUp, wakeUpId } from "../domain/wakeUp.ts";
import { priorityOf, queueName, trackOf } from "./names.ts";

/** A job to be. `wakes`: what it carries. `planned`: by which its place in the queues is found. */
export type PlannedJob = { jobId: string; wakes: string[] | null; planned: PlannedWakeUp; its: WakeUp[] };

/** The id of the shared job that a wake-up is in: one dispatch of each message, so that no job carries more than there are messages. */
export function sharedJobId(name: string, { dispatch }: WakeUp): string {
  return `${name}-${dispatch}`;
}

/** The wake-ups of a job, none if it is not ours. */
export function wakeUpsOf({ id = "", data }: { id?: string | undefined; data?: unknown }): WakeUp[] {
  const single = parseWakeUpId(id);
  if (single) return [single];
  return Array.isArray(data) ? data.flatMap((name) => parseWakeUpId(String(name)) ?? []) : [];
}

/** What a job carries that is to wake these. */
export function dataOf(wakes: readonly WakeUp[]): string[] {
  return wakes.map(wakeUpId);
}

/** Puts wake-ups into jobs: those that are due and may share one with others that are here go together, each other has its own. */
export function jobsOf(planned: readonly PlannedWakeUp[]): PlannedJob[] {
  const groups = new Map<string, PlannedWakeUp[]>();
  for (const it of planned) {
    const place = [queueName(it.relay, trackOf(it)), priorityOf(it) ?? ""];
    const isShared = it.job && !it.job.isAdded && it.delayMs <= 0;
    const name = isShared ? [sharedJobId(it.job?.id ?? "", it.wake), ...place] : [wakeUpId(it.wake)];
    const group = groups.get(name.join(" "));
    if (group) group.push(it);
    else groups.set(name.join(" "), [it]);
  }
  const jobs = [...groups.values()].map((group): PlannedJob => {
    const [first] = group as [PlannedWakeUp, ...PlannedWakeUp[]];
    const its = group.map(({ wake }) => wake);
    // One that has nobody to share with is named by its wake-up: added again by upkeep, it is not there twice.
    if (group.length === 1 || !first.job) return { jobId: wakeUpId(first.wake), wakes: null, planned: first, its };
    return { jobId: sharedJobId(first.job.id, first.wake), wakes: dataOf(its), planned: first, its };
  });
  for (const { job } of planned) if (job) job.isAdded = true;
  return jobs;
}
