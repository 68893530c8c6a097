// A short soak; `npm run soak` is the long one, which also judges memory.

import { soak, tellSoak } from "../../soak/soak.ts";
import { faultRow } from "../../support/faultRow.ts";

const seconds = 45;

faultRow(
  {
    row: "soak",
    fault: `load on two APIs and two workers for ${seconds} s, with a random fault every few seconds: kills, freezes, cuts, black holes, a relay in every mood`,
    invariant: "every accepted message is there once and settled; nothing lost; doubles only where flagged; every event told, with one id",
  },
  async (t, measured) => {
    const seed = Date.now() % 2 ** 31;
    t.diagnostic(`seed ${seed}`);
    const result = await soak({ seconds, seed, say: (line) => t.diagnostic(line) });
    measured(`seed ${seed}: ${tellSoak(result)}`);
  },
);
