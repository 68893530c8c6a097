// A state as colour, shape and word together, so that none of them is needed to tell it.
import type { AttemptOutcome, DeliveryStatus, MessageStatus, RecipientStatus, Relay, Webhook } from "../api/wire.ts";
import { inWords } from "../format.ts";

export type Tone = "good" | "info" | "waiting" | "bad" | "doubt" | "quiet";

type State = MessageStatus | RecipientStatus | DeliveryStatus | AttemptOutcome | Relay["state"] | Webhook["status"];

const tones: Readonly<Record<State, Tone>> = {
  scheduled: "info",
  queued: "info",
  sending: "info",
  in_progress: "info",
  pending: "info",
  deferred: "waiting",
  try_later: "waiting",
  suspended: "waiting",
  failing: "waiting",
  partial: "doubt",
  unknown: "doubt",
  in_doubt: "doubt",
  sent: "good",
  delivered: "good",
  accepted: "good",
  succeeded: "good",
  up: "good",
  active: "good",
  bounced: "bad",
  complained: "bad",
  failed: "bad",
  refused: "bad",
  disabled: "bad",
  suppressed: "quiet",
  cancelled: "quiet",
  paused: "quiet",
  not_sent: "quiet",
};

/** Told apart in black and white too: tick, ring, clock, cross, question mark, dash. */
const shapes: Readonly<Record<Tone, string>> = {
  good: "M3.5 8.5l3 3 6-7",
  info: "M8 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
  waiting: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3.2l2 1.3",
  bad: "M4 4l8 8M12 4l-8 8",
  doubt: "M5.5 6a2.5 2.5 0 1 1 3.6 2.3C8.300 8.700 8 9.200 8 10M8 13v.01",
  quiet: "M3.500 8h9",
};

const words: Partial<Record<State, string>> = { up: "working" };

export function toneOf(state: string): Tone {
  return tones[state as State] ?? "quiet";
}

export function Status({ of, children }: { of: State; children?: string }) {
  const tone = toneOf(of);
  return (
    <span class={`status tone-${tone}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">
        <path d={shapes[tone]} />
      </svg>
      {children ?? words[of] ?? inWords(of)}
    </span>
  );
}
