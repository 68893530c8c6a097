// The same mail through several contenders, in turns: whatever the machine does in a round, it does to all of them, so that the ratios within
// a round are worth more than the rates.
import { type Case, figureWithRange, type Plot, type RunOptions, type Table } from "./case.ts";
import { type Contender, type StartContender, type Turn, takeTurn } from "./contender.ts";
import { createStack } from "./stack.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export type Comparison = {
  name: string;
  title: string;
  about: string;
  /** In a turn; another number is rounded up to a multiple of `step`. */
  messages: number;
  step?: number;
  /** So many turns' worth of messages before the first round, for those that become faster; default 2. */
  warmUpTurns?: number;
  contenders(options: Pick<RunOptions, "withHaraka">): StartContender[];
  /** Whom the others are compared with. */
  against: string[];
};

/** Starts them all, lets each warm up, and gives each its turn in every round, beginning with another one each time. */
export async function runRounds(
  starts: readonly StartContender[],
  options: { rounds: number; messages: number; warmUpTurns?: number; say(line: string): void },
): Promise<Turn[]> {
  const { rounds, messages, warmUpTurns = 2, say } = options;
  const stack = createStack();
  const turns: Turn[] = [];
  try {
    const contenders: Contender[] = [];
    for (const start of starts) contenders.push(await stack.add(start()));
    for (const contender of contenders)
      for (let turn = 0; turn < (contender.warmsUp ? warmUpTurns : 1); turn++) await takeTurn(contender, messages);
    for (let round = 0; round < rounds; round++) {
      for (const index of contenders.keys()) {
        const contender = contenders[(index + round) % contenders.length] as Contender;
        const turn = await takeTurn(contender, messages);
        turns.push(turn);
        say(
          `round ${round + 1}  ${turn.contender.padEnd(24)} ${Math.round(turn.perSecond)}/s, ${Math.round(turn.cpuTotal)} µs of CPU a message`,
        );
      }
    }
  } finally {
    await stack.stop();
  }
  return turns;
}

/** One figure of a contender, over all rounds. */
export function figuresOf(turns: readonly Turn[], contender: string, figure: (turn: Turn) => number): number[] {
  return turns.filter((turn) => turn.contender === contender).map(figure);
}

/** How one figure of a contender compares with another's, round by round. */
export function ratiosOf(turns: readonly Turn[], contender: string, base: string, figure: (turn: Turn) => number): Spread {
  const bases = figuresOf(turns, base, figure);
  return spreadOf(figuresOf(turns, contender, figure).map((value, round) => value / (bases[round] ?? Number.NaN)));
}

const perSecond = (turn: Turn) => turn.perSecond;
export const cpuTotal = (turn: Turn) => turn.cpuTotal;

function tableOf(turns: readonly Turn[], names: readonly string[], against: readonly string[]): Table {
  const columns = ["", "messages/s", ...against.map((base) => `× ${base}`)];
  columns.push("CPU µs/message", "of which", ...against.map((base) => `CPU ÷ ${base}`), "POST p50, p99 (ms)");
  const rows = names.map((name) => {
    const own = turns.filter((turn) => turn.contender === name);
    const ratios = (figure: (turn: Turn) => number) =>
      against.map((base) => (base === name ? "1" : figureWithRange(ratiosOf(turns, name, base, figure))));
    const programs = Object.keys(own[0]?.cpu ?? {});
    const shares = programs.map((program) => `${program} ${Math.round(spreadOf(own.map(({ cpu }) => cpu[program] ?? 0)).median)}`);
    const posts = own.flatMap((turn) => (turn.posts ? [turn.posts.latencies] : []));
    const latency = [spreadOf(posts.map(({ p50 }) => p50)).median, spreadOf(posts.map(({ p99 }) => p99)).median];
    return [
      name,
      figureWithRange(spreadOf(own.map(perSecond))),
      ...ratios(perSecond),
      figureWithRange(spreadOf(own.map(cpuTotal))),
      shares.join(", "),
      ...ratios(cpuTotal),
      posts.length > 0 ? latency.map((value) => value.toFixed(1)).join(", ") : "",
    ];
  });
  return { columns, rows };
}

function plotOf(file: string, title: string, unit: string, names: readonly string[], spread: (name: string) => Spread): Plot {
  return { file, title, unit, bars: names.map((label) => ({ label, value: spread(label).median, ...spread(label) })) };
}

/** A case of the usual form. */
export function comparison({ name, title, about, messages: usual, step = 1, warmUpTurns = 2, contenders, against }: Comparison): Case {
  return {
    name,
    async run(options) {
      const messages = Math.ceil((options.messages ?? usual) / step) * step;
      const turns = await runRounds(contenders(options), { ...options, messages, warmUpTurns });
      const names = [...new Set(turns.map(({ contender }) => contender))];
      const known = against.filter((base) => names.includes(base));
      const spread = (figure: (turn: Turn) => number) => (contender: string) => spreadOf(figuresOf(turns, contender, figure));
      return {
        ...{ name, title, rounds: options.rounds, turns },
        about: `${about} ${messages.toLocaleString("en")} messages a turn.`,
        tables: [tableOf(turns, names, known)],
        plots: [
          plotOf(`${name}-rate`, `${title}: messages a second`, "messages/s", names, spread(perSecond)),
          plotOf(`${name}-cpu`, `${title}: CPU per message`, "µs", names, spread(cpuTotal)),
        ],
      };
    },
  };
}
