// The one timer of a dialogue: it expires when a step takes too long, or all of it together.

export type Deadline = {
  /** A step was made; the next one may take `stepMs` (default: what the last one was allowed). */
  progress(stepMs?: number): void;
  /** Takes the timer away. */
  stop(): void;
};

const timerMsMax = 2 ** 31 - 1;

/**
 * Starts a deadline. Progress only notes the time, and the timer looks at the notes when it fires: far cheaper than a new timer each step.
 * @param options.endsAt when all of it must be over, in milliseconds of `performance.now()`
 * @param options.onExpired called at most once; `waitedMs` is the limit that was overstepped
 */
export function startDeadline(options: {
  stepMs: number;
  totalMs: number;
  endsAt: number;
  onExpired: (limit: "step" | "total", waitedMs: number) => void;
}): Deadline {
  const { totalMs, endsAt, onExpired } = options;
  let stepMs = options.stepMs;
  let steppedAt = performance.now();
  let firesAt = 0;
  let timer: NodeJS.Timeout | undefined;

  const arm = (now: number) => {
    firesAt = Math.min(endsAt, steppedAt + stepMs);
    timer = setTimeout(look, Math.min(Math.max(firesAt - now, 0), timerMsMax));
  };
  const look = () => {
    const now = performance.now();
    if (now < Math.min(endsAt, steppedAt + stepMs)) return arm(now);
    timer = undefined;
    if (now >= endsAt) onExpired("total", totalMs);
    else onExpired("step", stepMs);
  };
  arm(steppedAt);

  return {
    progress(nextStepMs = stepMs) {
      if (timer === undefined) return;
      steppedAt = performance.now();
      if (nextStepMs === stepMs) return;
      stepMs = nextStepMs;
      if (Math.min(endsAt, steppedAt + stepMs) >= firesAt) return;
      clearTimeout(timer);
      arm(steppedAt);
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** A duration in milliseconds as a person says it: `30 s`, `5 min`, `200 ms`. */
export function spokenDuration(ms: number): string {
  if (ms >= 120_000 && ms % 60_000 === 0) return `${ms / 60_000} min`;
  return ms >= 1_000 ? `${Math.round(ms / 100) / 10} s` : `${Math.round(ms)} ms`;
}
