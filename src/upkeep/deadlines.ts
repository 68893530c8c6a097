// Ends what is past its deadline: whether or not its relay, its queue or its job still exists.
import type { UpkeepDependencies } from "./dependencies.ts";

const sliceSize = 100;

/** Settles overdue messages, as many as there are. Returns how many are settled now. */
export async function settleOverdue({ ledger, openWork }: UpkeepDependencies, pause: () => Promise<void>): Promise<number> {
  let settled = 0;
  for (;;) {
    const ids = await openWork.overdue(sliceSize);
    for (const id of ids) if (await ledger.expire(id)) settled += 1;
    if (ids.length < sliceSize) return settled;
    await pause();
  }
}
