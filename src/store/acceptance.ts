// What stands before and behind the storing of a message: room in Redis, and that what was stored is safe in as many places as it has to be.
import type { Barrier } from "./barrier.ts";
import type { Idempotency } from "./idempotency.ts";
import type { Ledger } from "./ledger.ts";
import type { MemoryWatch } from "./memory.ts";
import type { AcceptResult } from "./storing.ts";

/**
 * `full`: Redis has hardly any memory left, and nothing was stored. `unconfirmed`: replicas or the disk did not confirm; where that came
 * out only after the message was stored, it stays, and an Idempotency-Key finds it.
 */
export type GuardedResult = AcceptResult | { kind: "full" } | { kind: "unconfirmed" };

export type Acceptance = {
  ledger: { accept(input: Parameters<Ledger["accept"]>[0]): Promise<GuardedResult> };
  idempotency: Pick<Idempotency, "find">;
};

/** Puts the guards around the ledger's `accept`, and around the look for an earlier answer, which is a receipt as well. */
export function guardAcceptance(
  { ledger, idempotency }: { ledger: Pick<Ledger, "accept">; idempotency: Pick<Idempotency, "find"> },
  { memory, barrier }: { memory: Pick<MemoryWatch, "hasRoomFor">; barrier?: Pick<Barrier, "confirmed" | "holds"> | undefined },
): Acceptance {
  return {
    ledger: {
      async accept(input) {
        if (!memory.hasRoomFor(input.bytes.length)) return { kind: "full" };
        // Were it stored now, it would be sent although its caller is told that it failed.
        if (barrier && !barrier.holds()) return { kind: "unconfirmed" };
        const result = await ledger.accept(input);
        if (result.kind === "late" || result.kind === "suppressed" || !barrier) return result;
        const confirming = barrier.confirmed();
        const isConfirmed = await (result.kind === "stored" ? result.job.during(confirming) : confirming);
        return isConfirmed ? result : { kind: "unconfirmed" };
      },
    },
    idempotency: {
      async find(tenant, digest) {
        const value = await idempotency.find(tenant, digest);
        if (value === undefined || !barrier || (await barrier.confirmed())) return value;
        throw new Error("NOREPLICAS an earlier answer is not confirmed");
      },
    },
  };
}
