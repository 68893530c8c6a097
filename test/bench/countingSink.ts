// smtp-sink as the far end of a measurement: it keeps nothing and counts what it took, at hardly any cost.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { canConnect, freePort } from "../support/freePort.ts";
import { startProcess } from "../support/process.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { waitFor } from "../support/waitFor.ts";

export type CountingSink = {
  readonly port: number;
  readonly pid: number;
  /** Messages whose final dot was answered so far. */
  taken(): number;
  /**
   * Resolves as soon as so many are taken in all, with the time of that (`performance.now()`).
   * @throws Error when for a whole minute none came
   */
  untilTaken(total: number): Promise<number>;
  stop(): Promise<void>;
};

const stalledMs = 60_000;

/** Starts one (Debian package `postfix`) and waits until it listens. */
export async function startCountingSink(): Promise<CountingSink> {
  const rights = userInfo().uid === 0 ? ["-u", "nobody"] : [];
  const folder = await temporaryFolder({ name: "counting-sink" });
  const counts = join(folder.path, "counts");
  const port = await freePort();
  const sink = await startProcess({
    command: "/bin/sh",
    // It writes its counters at each dot; a file takes them at less cost than a reader at a pipe, who would be one of us.
    args: ["-c", 'exec smtp-sink "$@" >"$0"', counts, "-c", ...rights, `127.0.0.1:${port}`, "1024"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    removeOnDeath: folder.path,
  });
  await waitFor(async () => sink.exitStatus() !== undefined || (await canConnect(port)), { what: "smtp-sink to listen" });
  if (sink.exitStatus()) {
    await sink.stop();
    await folder.remove();
    throw new Error(`smtp-sink did not start: ${sink.lines().join("\n")}`);
  }
  const file = openSync(counts, "r");
  const tail = Buffer.alloc(256);

  function taken(): number {
    const { size } = fstatSync(file);
    const length = readSync(file, tail, 0, tail.length, Math.max(0, size - tail.length));
    return Number([...tail.toString("latin1", 0, length).matchAll(/mesg=(\d+)\r/g)].at(-1)?.[1] ?? 0);
  }

  return {
    port,
    pid: sink.pid,
    taken,
    async untilTaken(total) {
      for (let [before, changedAt] = [taken(), performance.now()]; ; await sleep(2)) {
        const now = taken();
        if (now >= total) return performance.now();
        if (now > before) [before, changedAt] = [now, performance.now()];
        if (performance.now() - changedAt > stalledMs)
          throw new Error(`${total - now} of ${total} messages did not reach the sink: for ${stalledMs / 1_000} s none came`);
      }
    },
    async stop() {
      closeSync(file);
      await sink.stop();
      await folder.remove();
    },
  };
}
