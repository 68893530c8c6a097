// What goes wrong during a soak. Each fault begins, lasts a while, and ends with everything as it was. Faults of different kinds overlap.
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer } from "../support/webhookReceiver.ts";
import { type Fleet, memberNames, mortals } from "./fleet.ts";
import { type Random, seededRandom } from "./random.ts";

/** `what` is for the report; `pass` resolves when it is over. */
export type Fault = { what: string; pass(): Promise<void> };

type Maker = (fleet: Fleet, random: Random) => Fault;

/** Gone wrong within the gateway's own processes. */
const ofProcesses: readonly Maker[] = [
  (fleet, random) => {
    const name = random.pick(mortals);
    const awayMs = random.between(0, 3_000);
    return { what: `SIGKILL ${name}, back after ${awayMs} ms`, pass: () => fleet.replace(name, "SIGKILL", awayMs) };
  },
  (fleet, random) => {
    const name = random.pick(mortals);
    return { what: `SIGTERM ${name}, back as soon as it has ended`, pass: () => fleet.replace(name, "SIGTERM", 0) };
  },
  (fleet, random) => {
    const name = random.pick(memberNames);
    const forMs = random.between(500, 7_000);
    return { what: `SIGSTOP ${name} for ${forMs} ms`, pass: () => fleet.freeze(name, forMs) };
  },
];

/** With Redis, or on the way to it. */
const ofRedis: readonly Maker[] = [
  (fleet, random) => {
    const awayMs = random.between(0, 4_000);
    const pass = async () => {
      await fleet.redis.kill("SIGKILL");
      await sleep(awayMs);
      await fleet.redis.restart();
    };
    return { what: `SIGKILL Redis, back after ${awayMs} ms`, pass };
  },
  (fleet, random) => {
    const forMs = random.between(500, 4_000);
    const pass = async () => {
      await fleet.redis.kill("SIGSTOP");
      await sleep(forMs);
      await fleet.redis.kill("SIGCONT");
    };
    return { what: `SIGSTOP Redis for ${forMs} ms`, pass };
  },
  (fleet) => ({ what: "cut every connection to Redis", pass: async () => fleet.proxy.cut() }),
  (fleet, random) => {
    const forMs = random.between(500, 5_000);
    const pass = async () => {
      fleet.proxy.pause();
      await sleep(forMs);
      fleet.proxy.resume();
    };
    return { what: `black hole before Redis for ${forMs} ms`, pass };
  },
  (fleet, random) => {
    const forMs = random.between(500, 3_000);
    const pass = async () => {
      await fleet.proxy.refuse();
      fleet.proxy.cut();
      await sleep(forMs);
      await fleet.proxy.accept();
    };
    return { what: `Redis refuses connections for ${forMs} ms`, pass };
  },
];

/** At the relay and at the webhook. */
const ofOthers: readonly Maker[] = [
  (fleet, random) => moody(fleet, random, "the relay says 421", () => ({ onCommand: () => "421 4.3.2 Later" })),
  (fleet, random) => moody(fleet, random, "the relay says 451 to every mail", () => ({ onData: () => "451 4.3.0 Later" })),
  (fleet, random) => moody(fleet, random, "the relay answers the final dot 1 s late", () => ({ onData: () => ({ delayMs: 1_000 }) })),
  (fleet, random) =>
    moody(fleet, random, "the relay cuts in the middle of every third body", (chance) => ({
      onBody: () => (chance() < 1 / 3 ? 20 : undefined),
    })),
  (fleet, random) =>
    moody(fleet, random, "the relay cuts after every fifth final dot", (chance) => ({
      onData: () => (chance() < 1 / 5 ? { cut: true, store: true } : undefined),
    })),
  (fleet, random) =>
    moody(fleet, random, "the relay has every fifth mail and never says so", (chance) => ({
      onData: () => (chance() < 1 / 5 ? { hang: true, store: true } : undefined),
    })),
  (fleet) => ({ what: "the relay cuts every connection", pass: async () => fleet.relay.closeConnections() }),
  (fleet, random) => moodyReceiver(fleet, random, "answers 500", { status: 500 }),
  (fleet, random) => moodyReceiver(fleet, random, "answers nothing", { hang: true }),
];

/** One sequence of faults each. */
export const kinds = [ofProcesses, ofRedis, ofOthers] as const;

function moody(fleet: Fleet, random: Random, what: string, scriptOf: (chance: () => number) => Fleet["moods"]["script"]): Fault {
  const forMs = random.between(500, 4_000);
  // How often it is asked depends on the moment, and must not change which faults come next.
  const own = seededRandom(random.between(0, 2 ** 31));
  const pass = async () => {
    fleet.moods.script = scriptOf(own.next);
    await sleep(forMs);
    fleet.moods.script = {};
  };
  return { what: `${what} for ${forMs} ms`, pass };
}

function moodyReceiver(fleet: Fleet, random: Random, what: string, answer: Answer): Fault {
  const forMs = random.between(1_000, 5_000);
  const pass = async () => {
    fleet.receiver.answerWith(() => answer);
    await sleep(forMs);
    fleet.receiver.answerWith(() => undefined);
  };
  return { what: `the webhook ${what} for ${forMs} ms`, pass };
}
