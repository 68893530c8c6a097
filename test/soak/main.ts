// npm run soak [-- --seconds N] [--seed S]: the gateway under load and random faults for a quarter of an hour, then the reconciliation.
import { parseArgs } from "node:util";
import { soak, tellSoak } from "./soak.ts";

/** What memory may grow from the middle third of the time to the last. */
const growthMax = 0.1;
/** A process that has just started still grows: a shorter time says nothing about memory. */
const judgedFromSeconds = 600;

const { values } = parseArgs({ options: { seconds: { type: "string", default: "900" }, seed: { type: "string" } } });
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
if (!Number.isInteger(seconds) || seconds < 1 || !Number.isInteger(seed)) {
  console.error("--seconds and --seed take whole numbers");
  process.exit(2);
}
console.log(`soak: ${seconds} s, seed ${seed}; again with: npm run soak -- --seconds ${seconds} --seed ${seed}`);
try {
  const result = await soak({ seconds, seed, say: (line) => console.log(line) });
  console.log(tellSoak(result));
  const grown = result.memory.filter(({ growth }) => seconds >= judgedFromSeconds && growth > growthMax);
  for (const { name, growth } of grown) console.error(`${name} grew by ${(growth * 100).toFixed(1)} %`);
  process.exit(grown.length > 0 ? 1 : 0);
} catch (error) {
  console.error(`the soak with seed ${seed} failed:`, error);
  process.exit(1);
}
