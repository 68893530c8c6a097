// What people write by hand: nodemailer with a pool, in a loop. No queue, no durability, no status.
import type { Contender } from "../contender.ts";
import { type CountingSink, startCountingSink } from "../countingSink.ts";
import type { RecipeName } from "../recipes.ts";
import { built } from "../stack.ts";
import { startWorkshop } from "../workshop.ts";
import type { NodemailerOrder } from "./nodemailerLoop.ts";

/**
 * @param options.dkim signs each message with this PEM key, as nodemailer's own documentation does it
 * @param options.relayOf the relay before the sink, with a login and TLS; default the sink itself
 */
export function startNodemailerLoop(options: {
  recipe: RecipeName;
  name?: string;
  dkim?: NodemailerOrder["dkim"];
  relayOf?: (sink: CountingSink) => Promise<{ relay: NodemailerOrder["relay"]; stop(): Promise<unknown> }>;
}): Promise<Contender> {
  const { recipe, name = "nodemailer", dkim, relayOf } = options;
  return built(async (stack) => {
    const sink = await stack.add(startCountingSink());
    const relay = relayOf && (await stack.add(relayOf(sink))).relay;
    const loop = await stack.add(startWorkshop<NodemailerOrder, Record<never, never>>("peers/nodemailerLoop.ts"));
    return {
      name,
      programs: [{ name: "node", pid: loop.pid }],
      sink,
      warmsUp: true,
      async handOver(messages) {
        await loop.ask({ recipe, messages, relay: relay ?? { port: sink.port }, ...(dkim && { dkim }) });
        return {};
      },
      stop: stack.stop,
    };
  });
}
