// `postern top`: a live view of relays and their queues, drawn from the API.
import { setTimeout as sleep } from "node:timers/promises";
import type { z } from "zod";
import { formatRate } from "../domain/units.ts";
import type { relay } from "../http/schemas/relay.ts";
import type { Remote } from "./remote.ts";
import { type Terminal, tableOf } from "./terminal.ts";

export type TopOptions = { once?: boolean; interval?: string; json?: boolean };

type RelayView = z.output<typeof relay>;

const intervalSecondsDefault = "1";

/** 0 when it is told to stop, 1 when the API does not answer, 2 for wrong options. */
export async function top(terminal: Terminal, remote: Remote, options: TopOptions): Promise<number> {
  const intervalMs = Number(options.interval ?? intervalSecondsDefault) * 1_000;
  if (!(intervalMs >= 100 && intervalMs <= 3_600_000)) {
    terminal.err("--interval: must be a number of seconds from 0.1 to 3600");
    return 2;
  }
  const isLive = terminal.isLive && !options.once && !options.json;
  // Without a terminal there is nobody to look at a second frame, but a program may follow JSON.
  const isOnce = options.once === true || (!isLive && !options.json);
  const screen = isLive ? terminal.screen() : undefined;
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  let shown: RelayView[] = [];
  try {
    while (!stopping.signal.aborted) {
      const answered = await remote.ask<{ data: RelayView[] }>("GET", "/v1/relays", { timeoutMs: 5_000, signal: stopping.signal });
      if (!answered.ok && (!isLive || shown.length === 0)) {
        for (const line of answered.lines) terminal.err(line);
        return 1;
      }
      if (answered.ok) shown = answered.body.data;
      // What was seen last stays, with the reason why it is old.
      const trouble = answered.ok ? [] : ["", ...answered.lines];
      if (options.json) terminal.out(JSON.stringify({ at: new Date().toISOString(), relays: shown }));
      else if (screen)
        screen.draw([
          `Postern at ${remote.url}   ${new Date().toLocaleTimeString("en-GB")}   Ctrl-C ends`,
          "",
          ...frameOf(shown, Date.now()),
          ...trouble,
        ]);
      else for (const line of frameOf(shown, Date.now())) terminal.out(line);
      if (isOnce) return 0;
      await sleep(intervalMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, stop);
  }
  return 0;
}

const head = ["RELAY", "STATE", "WAITING", "DELAYED", "SENDING", "OLDEST", "CONNECTIONS", "RATE", "LAST ERROR"];
const numbers = new Set([2, 3, 4, 5, 6]);

/** One frame: a line for each relay, and their sum where there are several. */
export function frameOf(relays: readonly RelayView[], now: number): string[] {
  const rows = relays.map((view) => {
    const { queue, connections, rates, slowed_to_per_second: slowed, oldest_waiting_at: oldest, last_error: error } = view;
    const rate = rates.map(({ messages, per_ms }) => formatRate({ count: messages, perMs: per_ms })).join(" ");
    return [
      view.name,
      stateOf(view, now),
      ...[queue.waiting, queue.delayed, queue.active].map(String),
      oldest === null ? "" : ageOf(now - Date.parse(oldest)),
      `${connections.held}/${connections.allowed}`,
      slowed === null ? rate : `${slowed}/s (slowed)`,
      error === null ? "" : `${ageOf(now - Date.parse(error.at))} ago: ${[error.code ?? "", error.text].filter(Boolean).join(" ")}`,
    ];
  });
  const sum = (pick: (view: RelayView) => number) => String(relays.reduce((total, view) => total + pick(view), 0));
  const total = [
    "",
    "",
    sum(({ queue }) => queue.waiting),
    sum(({ queue }) => queue.delayed),
    sum(({ queue }) => queue.active),
    "",
    sum((view) => view.connections.held),
  ];
  return tableOf([head, ...rows, ...(relays.length > 1 ? [total] : [])], numbers);
}

function stateOf({ state, suspended_until: until, paused_at: since }: RelayView, now: number): string {
  if (state === "suspended" && until !== null) return `suspended, tried in ${ageOf(Math.max(0, Date.parse(until) - now))}`;
  if (state === "paused" && since !== null) return `paused for ${ageOf(now - Date.parse(since))}`;
  return state;
}

const units = [
  { name: "d", ms: 86_400_000 },
  { name: "h", ms: 3_600_000 },
  { name: "m", ms: 60_000 },
];

/** A time in its two largest units: `3d 4h`, `12m 5s`, `7s`. */
function ageOf(ms: number): string {
  const at = units.findIndex((unit) => ms >= unit.ms);
  const unit = units[at];
  if (!unit) return `${Math.max(0, Math.floor(ms / 1_000))}s`;
  const next = units[at + 1] ?? { name: "s", ms: 1_000 };
  return `${Math.floor(ms / unit.ms)}${unit.name} ${Math.floor((ms % unit.ms) / next.ms)}${next.name}`;
}
