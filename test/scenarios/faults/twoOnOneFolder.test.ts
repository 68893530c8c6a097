// Two gateways are started at the same moment on one data folder, where each would bring up a Redis of its own.
import assert from "node:assert/strict";
import { atEndOf } from "../../support/atEnd.ts";
import { faultRow } from "../../support/faultRow.ts";
import { type Gateway, startGateway } from "../../support/gateway.ts";
import { allSettled, sendBatches, testMessage } from "../../support/mailing.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const rounds = 3;
const perRound = 20;

faultRow(
  {
    row: "25",
    fault: "two processes start at the same moment on one data folder: when it is new, after a SIGKILL, and after an orderly stop",
    invariant: "one of them serves, the other ends with 1 and says who has the folder; nothing that was ever accepted is lost",
  },
  async (t, measured) => {
    const atEnd = atEndOf(t);
    const folder = await temporaryFolder({ name: "shared-data" });
    atEnd(folder.remove);
    const env = { POSTERN_DATA_DIR: folder.path, POSTERN_API_KEY: "test_two_on_one_folder_0123456789abcdef" };
    const ids: string[] = [];
    let refusal = "";
    for (let round = 1; round <= rounds; round++) {
      const started = await Promise.allSettled([startGateway({ env }), startGateway({ env })]);
      const serving = started.flatMap((it) => (it.status === "fulfilled" ? [it.value] : []));
      for (const gateway of serving) atEnd(() => gateway.stop());
      const faults = started.flatMap((it) => (it.status === "rejected" ? [String(it.reason)] : []));
      assert.deepEqual([serving.length, faults.length], [1, 1], faults.join("\n"));
      const [gateway] = serving as [Gateway];
      refusal = faults[0] ?? "";
      assert.match(refusal, /ended with code 1 before it was ready/);
      assert.match(refusal, new RegExp(`Another Postern \\(process ${gateway.pid}\\) already uses the data folder`));
      assert.doesNotMatch(refusal, /^\s+at /m, "a person's mistake is no stack trace");
      const messages = Array.from({ length: perRound }, (_, index) => testMessage(`r${round}-${index}`, `r${round}i${index}@example.net`));
      ids.push(...(await sendBatches(gateway, messages)));
      const settled = await allSettled(gateway, ids);
      assert.ok(settled.every(({ status }) => status === "sent"));
      const { body } = await gateway.get<{ data: unknown[] }>("/v1/messages?limit=100");
      assert.equal(body.data.length, round * perRound);
      gateway.kill(round === 1 ? "SIGKILL" : "SIGTERM");
      await gateway.exited;
    }
    measured(
      `${rounds} rounds of two starts: one served and one refused each time; ${ids.length} messages accepted, ${ids.length} there and sent`,
    );
  },
);
