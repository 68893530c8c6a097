// How long a POST takes at a steady pace, from callers who do not wait for one another.
import { type Case, figureWithRange } from "../case.ts";
import { cpuTotal, figuresOf, runRounds } from "../comparison.ts";
import type { Turn } from "../contender.ts";
import { productContender } from "../product.ts";
import { spreadOf } from "../statistics.ts";

const perSecond = 500;
/** Twenty seconds of it. */
const usualMessages = 10_000;
const title = "500 a second";

/** One request every 2 ms, whatever became of those before. */
export const openLoop: Case = {
  name: "open-loop",
  async run(options) {
    const names = { always: "Postern, AOF always", everysec: "Postern, AOF everysec" } as const;
    const starts = (["always", "everysec"] as const).map(
      (appendfsync) => () => productContender({ name: names[appendfsync], recipe: "plain", appendfsync, connections: 200, perSecond }),
    );
    const turns = await runRounds(starts, { ...options, messages: options.messages ?? usualMessages });
    const spread = (name: string, figure: (turn: Turn) => number) => spreadOf(figuresOf(turns, name, figure));
    const latency = (which: "p50" | "p99" | "max") => (turn: Turn) => turn.posts?.latencies[which] ?? Number.NaN;
    const figures = [latency("p50"), latency("p99"), latency("max"), (turn: Turn) => turn.posts?.lateP99 ?? Number.NaN, cpuTotal];
    return {
      ...{ name: "open-loop", title, rounds: options.rounds, turns },
      about:
        `Plain mail, ${perSecond} requests a second, each at its time whatever became of those before. A latency begins at the time that was ` +
        "planned, the generator's own lateness included.",
      tables: [
        {
          columns: ["", "POST p50 (ms)", "p99 (ms)", "longest (ms)", "generator late, p99 (ms)", "CPU µs/message"],
          rows: Object.values(names).map((name) => [name, ...figures.map((figure) => figureWithRange(spread(name, figure)))]),
        },
      ],
      plots: [
        {
          ...{ file: "open-loop-p99", title: `POST p99 at ${perSecond} a second`, unit: "ms" },
          bars: Object.values(names).map((label) => ({
            label,
            value: spread(label, latency("p99")).median,
            ...spread(label, latency("p99")),
          })),
        },
      ],
    };
  },
};
