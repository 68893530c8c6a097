// A primary and a replica behind one address, as a service name or a load balancer gives it, for tests of what a failover does.
import { type Redis as Client, Redis } from "ioredis";
import type { AtEnd } from "./atEnd.ts";
import { startProxy } from "./proxy.ts";
import { startRedis } from "./redis.ts";
import { waitFor } from "./waitFor.ts";

export type ReplicatedRedis = {
  /** Leads to the primary, and after `promote` to what was the replica. */
  readonly url: string;
  /** Asks whichever of the two is the primary. */
  readonly client: Client;
  /** The replica gets nothing of what is written from now on; the primary does not notice. */
  detach(): void;
  /** The replica catches up. */
  reattach(): Promise<void>;
  /** The primary dies, with everything that the replica does not have, and the replica takes its place. */
  promote(): Promise<void>;
};

/** Starts both, in step with one another. */
export async function startReplicatedRedis(atEnd: AtEnd): Promise<ReplicatedRedis> {
  const primary = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
  atEnd(primary.stop);
  const link = await startProxy({ target: { port: primary.port } });
  atEnd(link.stop);
  const replica = await startRedis({ args: ["--replicaof", `127.0.0.1 ${link.port}`] });
  atEnd(replica.stop);
  const front = await startProxy({ target: { port: primary.port } });
  atEnd(front.stop);
  const url = `redis://127.0.0.1:${front.port}`;
  const client = new Redis(url);
  client.on("error", () => undefined);
  atEnd(async () => client.disconnect());
  const inStep = async () => {
    await client.set("in-step", "1");
    return (await client.wait(1, 100)) === 1;
  };
  const untilInStep = () => waitFor(inStep, { what: "the replica to be in step", timeoutMs: 30_000 });
  await untilInStep();

  return {
    url,
    client,
    detach: () => link.pause(),
    async reattach() {
      link.resume();
      await untilInStep();
    },
    async promote() {
      await primary.kill("SIGKILL");
      await link.stop();
      await replica.command("REPLICAOF", "NO", "ONE");
      front.retarget(replica.port);
      front.cut();
    },
  };
}
