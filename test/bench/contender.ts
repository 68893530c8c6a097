// Whoever takes part in a measurement: it is handed messages, and they come out at a sink of its own.

import type { CountingSink } from "./countingSink.ts";
import { cpuSecondsOf, type Program, untilQuiet } from "./cpu.ts";
import type { GeneratorReport } from "./generator.ts";

/** What is known once everything was handed over: what the caller saw, and CPU seconds of programs that have ended by now. */
export type HandedOver = { posts?: GeneratorReport; endedCpu?: { name: string; seconds: number }[] };

export type Contender = {
  readonly name: string;
  /** All that its CPU is counted of. */
  readonly programs: readonly Program[];
  readonly sink: CountingSink;
  /** It becomes faster as it runs, as JavaScript does: it must carry thousands of messages before its figures are those that last. */
  readonly warmsUp: boolean;
  /** Hands over so many messages; resolves when all are handed over, not when they have arrived. */
  handOver(messages: number): Promise<HandedOver>;
  stop(): Promise<void>;
};

export type StartContender = () => Promise<Contender>;

/** One run of one contender. */
export type Turn = {
  contender: string;
  messages: number;
  /** From the first message handed over to the last at the sink. */
  perSecond: number;
  /** CPU, in microseconds a message, of each of its programs. */
  cpu: Record<string, number>;
  cpuTotal: number;
  posts?: GeneratorReport;
};

/** Lets it carry so many messages, and measures. */
export async function takeTurn(contender: Contender, messages: number): Promise<Turn> {
  const { name, programs, sink, handOver } = contender;
  const before = cpuSecondsOf(programs);
  const takenBefore = sink.taken();
  const startedAt = performance.now();
  // Whichever fails first is told.
  const [{ posts, endedCpu = [] }, arrivedAt] = await Promise.all([handOver(messages), sink.untilTaken(takenBefore + messages)]);
  await untilQuiet(programs);
  const after = cpuSecondsOf(programs);
  const spent = programs.map(({ name: program }) => {
    const [then, now] = [before.get(program), after.get(program)];
    if (then === undefined || now === undefined) throw new Error(`${program} of ${name} has ended`);
    return { name: program, seconds: now - then };
  });
  const cpu = Object.fromEntries([...spent, ...endedCpu].map(({ name: program, seconds }) => [program, (seconds * 1_000_000) / messages]));
  return {
    contender: name,
    messages,
    perSecond: (messages * 1_000) / (arrivedAt - startedAt),
    cpu,
    cpuTotal: Object.values(cpu).reduce((sum, each) => sum + each, 0),
    ...(posts && { posts }),
  };
}
