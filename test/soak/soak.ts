// One soak: load, a random fault every few seconds, and then the accounts of everything that was accepted.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type FaultAccounts, settleAccounts, subscribeToAll } from "../support/faultAccounts.ts";
import { kinds } from "./faults.ts";
import { memberNames, startFleet } from "./fleet.ts";
import { startLoad } from "./load.ts";
import { type MemoryReport, watchMemory } from "./memoryWatch.ts";
import { type Random, seededRandom } from "./random.ts";

export type SoakResult = {
  faults: number;
  receipts: number;
  failures: { refused: number; broken: number };
  slowestMs: number;
  accounts: FaultAccounts;
  memory: MemoryReport[];
};

/** Between the end of one fault and the beginning of the next of its kind. */
const pauseMs = { min: 1_000, max: 8_000 };

/**
 * Runs one, and asserts that every message that was accepted is there, once, and settled; that every event was told; and what else holds
 * after any fault (support/faultAccounts.ts).
 * @param options.say is told of each fault as it begins
 */
export async function soak(options: { seconds: number; seed: number; say(line: string): void }): Promise<SoakResult> {
  const { seconds, seed, say } = options;
  const fleet = await startFleet();
  try {
    const survivors = [memberNames[1], memberNames[3]].map((name) => ({ name, pid: fleet.member(name).pid }));
    const api = fleet.member(memberNames[1]);
    const webhook = await subscribeToAll(api, fleet.receiver);
    const memory = watchMemory(survivors);
    // The kinds of faults and the load each have numbers of their own: how fast one of them goes on changes nothing for the others.
    const load = startLoad(fleet, seededRandom(seed));
    const beganAt = performance.now();
    const elapsed = () => (performance.now() - beganAt) / 1_000;
    const tell = (text: string) => say(`${elapsed().toFixed(1).padStart(6)} s  ${text}`);
    let faults = 0;
    const goWrong = async (kind: (typeof kinds)[number], random: Random) => {
      for (;;) {
        await sleep(random.between(pauseMs.min, pauseMs.max));
        if (elapsed() >= seconds) return;
        const fault = random.pick(kind)(fleet, random);
        tell(fault.what);
        faults += 1;
        await fault.pass();
      }
    };
    await Promise.all(kinds.map((kind, index) => goWrong(kind, seededRandom(seed + 1 + index))));
    memory.stop();
    const report = memory.report();
    await load.stop();
    tell(`the load has ended; ${load.receipts.size} messages were accepted; ${memoryInWords(report)}`);

    const accounts = await settleAccounts({
      ...{ gateway: api, receipts: load.receipts.values(), mails: () => fleet.relay.accepted, webhook },
      timeoutMs: 600_000,
    });
    assert.equal(accounts.messages.length, load.receipts.size, "a message is stored twice, or was never asked for");
    const ends = new Set(accounts.recipients.map(({ status }) => status));
    for (const end of ends)
      assert.ok(end === "sent" || end === "unknown", `a recipient ended as ${end}, though no relay refused it for good`);
    return { faults, receipts: load.receipts.size, failures: load.failures, slowestMs: load.slowest.ms, accounts, memory: report };
  } finally {
    await fleet.stop();
  }
}

/** The result in words, but for the memory, which is told when the load ends. */
export function tellSoak({ faults, receipts, failures, slowestMs, accounts }: SoakResult): string {
  const unknown = accounts.recipients.filter(({ status }) => status === "unknown").length;
  return `${faults} faults, ${receipts} messages accepted after ${failures.refused} times 503 and ${failures.broken} broken requests, slowest answer ${Math.round(slowestMs)} ms; ${accounts.inWords}, ${unknown} unknown`;
}

function memoryInWords(memory: readonly MemoryReport[]): string {
  const sizes = memory.map(({ name, middleMb, lastMb }) => `${name}, ${Math.round(middleMb)} MB and ${Math.round(lastMb)} MB`);
  return `resident memory in the middle and the last third: ${sizes.join("; ")}`;
}
