// A relay on the wire, as operators see it.
import { z } from "zod";
import { wireTimeOrNull } from "../../domain/messageView.ts";
import type { RelayStatus } from "../dependencies.ts";
import { wireTime } from "./message.ts";

export const relay = z
  .object({
    name: z.string(),
    host: z.string(),
    port: z.int(),
    tls: z.string(),
    state: z.enum(["up", "suspended", "paused"]).meta({
      description: "`suspended`: it could not be talked to and is tried again by itself; `paused`: by an operator, until resumed.",
    }),
    suspended_until: wireTime.nullable().meta({ description: "When a suspended relay is next tried." }),
    paused_at: wireTime.nullable(),
    last_error: z
      .object({ at: wireTime, phase: z.string(), code: z.int().nullable(), text: z.string() })
      .nullable()
      .meta({ description: "Why it last could not be talked to; it may work again since." }),
    connections: z.object({ allowed: z.int(), held: z.int(), open: z.int().nullable(), busy: z.int().nullable() }).meta({
      description:
        "`held`: by all workers together. `open` and `busy`: of the process that answers; null where it delivers nothing itself.",
    }),
    rates: z
      .array(z.object({ messages: z.int(), per_ms: z.int() }))
      .meta({ description: "The configured rates, which hold all at once; none: no limit." }),
    attempts_last_minute: z.int().meta({ description: "How often it was used in the last 60 s, by all workers together; about." }),
    slowed_to_per_second: z.number().nullable().meta({ description: "What the rate was lowered to because the relay asked for it." }),
    queue: z.object({ waiting: z.int(), delayed: z.int(), active: z.int() }),
    oldest_waiting_at: wireTime.nullable(),
  })
  .meta({ id: "Relay" });

/** A relay as its answer shows it. */
export function relayView(status: RelayStatus): z.input<typeof relay> {
  const { health, rates, attemptsLastMinute, slowIntervalMs, oldest_waiting_at, ...rest } = status;
  const { condition, suspendedUntil, pausedAt, lastError } = health;
  return {
    ...rest,
    state: condition,
    suspended_until: wireTimeOrNull(suspendedUntil),
    paused_at: wireTimeOrNull(pausedAt),
    last_error: lastError
      ? { at: wireTimeOrNull(lastError.at) ?? "", phase: lastError.phase, code: lastError.code ?? null, text: lastError.text }
      : null,
    rates: rates.map(({ count, perMs }) => ({ messages: count, per_ms: perMs })),
    attempts_last_minute: attemptsLastMinute,
    slowed_to_per_second: slowIntervalMs === null ? null : Math.round(10_000 / slowIntervalMs) / 10,
    oldest_waiting_at: wireTimeOrNull(oldest_waiting_at ?? undefined),
  };
}
