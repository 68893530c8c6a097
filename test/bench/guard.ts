// The guard against growing slower: CPU per message over that of the nodemailer loop in the same rounds, which is the same on a fast machine
// and on a slow one, as seconds are not.
import { readFile } from "node:fs/promises";
import { figureWithRange } from "./case.ts";
import { cpuTotal, ratiosOf, runRounds } from "./comparison.ts";
import { startNodemailerLoop } from "./peers/nodemailer.ts";
import { productContender } from "./product.ts";

const own = "Postern, AOF always";

/** Runs the short comparison. True when the ratio is within what `guard.json` allows. */
export async function guard(options: { rounds: number; messages: number | undefined; say(line: string): void }): Promise<boolean> {
  const { cpuRatioMax } = JSON.parse(await readFile(new URL("guard.json", import.meta.url), "utf8")) as { cpuRatioMax: number };
  const starts = [
    () => startNodemailerLoop({ recipe: "plain" }),
    () => productContender({ name: own, recipe: "plain", appendfsync: "always" }),
  ];
  const turns = await runRounds(starts, { ...options, messages: options.messages ?? 3_000 });
  const ratio = ratiosOf(turns, own, "nodemailer", cpuTotal);
  const isWithin = ratio.median <= cpuRatioMax;
  options.say(`CPU per message over nodemailer's: ${figureWithRange(ratio)}; at most ${cpuRatioMax} ${isWithin ? "holds" : "is EXCEEDED"}`);
  return isWithin;
}
