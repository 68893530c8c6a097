// Whether large messages hold up the small ones of others: ten of 25 MB at once, while plain mail comes at a steady pace.
import { setTimeout as sleep } from "node:timers/promises";
import { type Case, figureWithRange } from "../case.ts";
import type { GeneratorReport } from "../generator.ts";
import { startProduct } from "../product.ts";
import { createStack } from "../stack.ts";
import { type Latencies, spreadOf } from "../statistics.ts";

const perSecond = 50;
const hugeAtOnce = 10;
/** How long small mail comes: alone for the first part, then beside the large. */
const seconds = 8;
const aloneMs = 1_000;

export const hugeMessages: Case = {
  name: "huge",
  async run({ rounds, say }) {
    const stack = createStack();
    const reports: { alone: GeneratorReport; beside: GeneratorReport; huge: GeneratorReport }[] = [];
    try {
      const product = await stack.add(startProduct({ appendfsync: "always" }));
      await product.startWorker();
      const [small, large] = [await product.startGenerator(), await product.startGenerator()];
      let expected = product.sink.taken();
      const smallMail = async (forSeconds: number) => {
        expected += perSecond * forSeconds;
        return small.ask({ recipe: "plain", requests: perSecond * forSeconds, connections: 100, perSecond });
      };
      await smallMail(1);
      for (let round = 0; round < rounds; round++) {
        const alone = await smallMail(seconds / 2);
        const besideUnderWay = smallMail(seconds);
        await sleep(aloneMs);
        expected += hugeAtOnce;
        const huge = await large.ask({ recipe: "huge", requests: hugeAtOnce, connections: hugeAtOnce });
        const beside = await besideUnderWay;
        await product.sink.untilTaken(expected);
        reports.push({ alone, beside, huge });
        say(
          `round ${round + 1}  others' POST p99 ${beside.latencies.p99.toFixed(1)} ms beside, ${alone.latencies.p99.toFixed(1)} ms alone`,
        );
      }
    } finally {
      await stack.stop();
    }
    const row = (label: string, which: "alone" | "beside" | "huge") => {
      const figures = (["p50", "p99", "max"] satisfies (keyof Latencies)[]).map((part) =>
        figureWithRange(spreadOf(reports.map((report) => report[which].latencies[part]))),
      );
      return [label, ...figures, String(reports.reduce((sum, report) => sum + report[which].refused, 0))];
    };
    return {
      ...{ name: "huge", title: "Ten messages of 25 MB at once", rounds, turns: [] },
      about: `Plain mail at ${perSecond} a second, and beside it, over other connections, ${hugeAtOnce} messages of 25 MB that begin at once. AOF always.`,
      tables: [
        {
          columns: ["POST of", "p50 (ms)", "p99 (ms)", "longest (ms)", "answered 503 and asked again"],
          rows: [row("plain mail alone", "alone"), row("plain mail beside the large", "beside"), row("the large", "huge")],
        },
      ],
      plots: [],
    };
  },
};
