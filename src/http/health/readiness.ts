// Whether this process can do its work, for both servers that tell it.
import type { Durability } from "../../store/durability.ts";

export type ReadinessDependencies = {
  /** Which problems keep this process from being ready, in words; none: it is. */
  notReady(): Promise<string[]>;
  durability(): Durability;
};

export type Readiness = { problems: string[]; checks: Checks };

/** What was looked at. Weak durability is shown, but keeps nobody from working: it was chosen. */
export type Checks = {
  process: { ok: boolean; problems: string[] };
  durability: { ok: boolean; kind: Durability["kind"]; problems: string[] };
};

/** An answer that comes later than this is none: whoever asks waits for a second or two. */
const patienceMs = 1_500;

/** Asks once. Never rejects: what cannot be found out is a problem. */
export async function readiness({ notReady, durability }: ReadinessDependencies): Promise<Readiness> {
  const late = new Promise<string[]>((resolve) => {
    setTimeout(() => resolve(["the checks did not end in time"]), patienceMs).unref();
  });
  const problems = await Promise.race([notReady().catch(() => ["the checks failed"]), late]);
  const kept = durability();
  return {
    problems,
    checks: {
      process: { ok: problems.length === 0, problems },
      durability: { ok: kept.kind === "durable", ...kept },
    },
  };
}
