// What a process says of itself on its metrics port.
import type { Gateway } from "./gateway.ts";

/** The sum of one metric of a process over all its label sets; 0 where it has none. The gateway must have a METRICS_PORT. */
export async function metricOf(gateway: Gateway, name: string): Promise<number> {
  const response = await fetch(`${gateway.metricsUrl}/metrics`, { signal: AbortSignal.timeout(5_000) });
  const values = [...(await response.text()).matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].map(([, value]) =>
    Number(value),
  );
  return values.reduce((sum, value) => sum + value, 0);
}
