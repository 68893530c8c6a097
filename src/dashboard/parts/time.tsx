// A point in time: how long ago it is, and exactly when on pointing at it.
import { useEffect, useState } from "preact/hooks";
import { formatRelative, formatWhole } from "../format.ts";

/** The present, kept up to date every so often. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

export function Time({ at }: { at: string }) {
  const now = useNow(10_000);
  return (
    <time dateTime={at} title={formatWhole(at)}>
      {formatRelative(at, Math.max(now, Date.now() - 10_000))}
    </time>
  );
}
