// What goes wrong during a soak. Each fault begins, lasts a while, and ends with everything as it was.
import { setTimeout as sleep } from "node:timers/promises";
import { type Fleet, memberNames, mortals } from "./fleet.ts";
import type { Random } from "./random.ts";

/** `what` is for the report; `pass` resolves when it is over. */
export type Fault = { what: string; pass(): Promise<void> };

type Maker = (fleet: Fleet, random: Random) => Fault;

const makers: readonly Maker[] = [
  (fleet, random) => {
    const name = random.pick(mortals);
    const awayMs = random.between(0, 3_000);
    return { what: `SIGKILL ${name}, back after ${awayMs} ms`, pass: () => fleet.replace(name, awayMs) };
  },
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
    const name = random.pick(memberNames);
    const forMs = random.between(500, 7_000);
    const pass = async () => {
      const member = fleet.member(name);
      member.kill("SIGSTOP");
      await sleep(forMs);
      member.kill("SIGCONT");
    };
    return { what: `SIGSTOP ${name} for ${forMs} ms`, pass };
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
  (fleet, random) => moody(fleet, random, "the relay says 421", { onCommand: () => "421 4.3.2 Later" }),
  (fleet, random) => moody(fleet, random, "the relay answers the final dot 1 s late", { onData: () => ({ delayMs: 1_000 }) }),
  (fleet, random) =>
    moody(fleet, random, "the relay cuts in the middle of every third body", {
      onBody: () => (random.next() < 1 / 3 ? 20 : undefined),
    }),
  (fleet, random) =>
    moody(fleet, random, "the relay cuts after every fifth final dot", {
      onData: () => (random.next() < 1 / 5 ? { cut: true, store: true } : undefined),
    }),
  (fleet) => ({ what: "the relay cuts every connection", pass: async () => fleet.relay.closeConnections() }),
  (fleet, random) => {
    const forMs = random.between(1_000, 5_000);
    const pass = async () => {
      fleet.receiver.answerWith(() => ({ status: 500 }));
      await sleep(forMs);
      fleet.receiver.answerWith(() => undefined);
    };
    return { what: `the webhook answers 500 for ${forMs} ms`, pass };
  },
];

function moody(fleet: Fleet, random: Random, what: string, script: Fleet["moods"]["script"]): Fault {
  const forMs = random.between(500, 4_000);
  const pass = async () => {
    fleet.moods.script = script;
    await sleep(forMs);
    fleet.moods.script = {};
  };
  return { what: `${what} for ${forMs} ms`, pass };
}

/** The next fault. */
export function nextFault(fleet: Fleet, random: Random): Fault {
  return random.pick(makers)(fleet, random);
}
