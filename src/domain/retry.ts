// When to try again. Two clocks: one for "later" from a server, one for a relay that cannot be talked to at all.

const jitterShare = 0.2;
const faultDelayMsMax = 5 * 60_000;

function jittered(delayMs: number, random: number): number {
  return Math.round(delayMs * (1 - jitterShare + 2 * jitterShare * random));
}

function firstStep(scheduleMs: readonly number[]): number {
  const [first] = scheduleMs;
  if (first === undefined) throw new Error("A retry schedule needs at least one step");
  return first;
}

/**
 * How long to wait after a server answered "later", in milliseconds.
 * @param tries transactions answered "later" so far: 1 before the first retry. The schedule's last step repeats
 * @param random in [0, 1): spreads the result evenly over ±20 %, so that a backlog does not come back as one wave
 */
export function backoffMs({ tries, scheduleMs, random }: { tries: number; scheduleMs: readonly number[]; random: number }): number {
  const step = scheduleMs[Math.min(Math.max(tries, 1), scheduleMs.length) - 1] ?? firstStep(scheduleMs);
  return jittered(step, random);
}

/**
 * How long to wait when the relay itself was at fault (no connection, no login), in milliseconds: the schedule's first step,
 * doubled with every further fault in a row, with ±20 % jitter. Never over five minutes, because a relay that is back should not find its mail asleep.
 * @param faults faults in a row so far: 1 after the first
 * @param random in [0, 1)
 */
export function faultBackoffMs({ faults, scheduleMs, random }: { faults: number; scheduleMs: readonly number[]; random: number }): number {
  const grown = firstStep(scheduleMs) * 2 ** (Math.max(faults, 1) - 1);
  // The bound is taken before the jitter: cutting afterwards would gather half of all waits on the same moment.
  return jittered(Math.min(grown, faultDelayMsMax / (1 + jitterShare)), random);
}
