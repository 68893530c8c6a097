// Postfix between smtp-source and smtp-sink: it writes each message to its queue and has it on disk before it says 250.
import { startPostfix } from "../../support/postfix.ts";
import type { Contender } from "../contender.ts";
import { startCountingSink } from "../countingSink.ts";
import { relayConnections } from "../product.ts";
import type { RecipeName } from "../recipes.ts";
import { built } from "../stack.ts";
import type { WireOrder } from "../wire.ts";
import { startWorkshop } from "../workshop.ts";
import { source } from "./floor.ts";
import { writeMail } from "./mailFile.ts";

/** As it comes, but for what would slow it down on purpose. */
const settings = {
  in_flow_delay: "0",
  initial_destination_concurrency: String(relayConnections),
  default_destination_concurrency_limit: String(relayConnections),
  smtpd_client_message_rate_limit: "0",
  message_size_limit: "52428800",
};

/** @param options.roundTripMs how far away its relay is */
export function startPostfixPeer(options: { recipe: RecipeName; roundTripMs?: number }): Promise<Contender> {
  return built(async (stack) => {
    const sink = await stack.add(startCountingSink());
    const mail = await stack.add(writeMail(options.recipe));
    let port = sink.port;
    if (options.roundTripMs !== undefined) {
      const wire = await stack.add(startWorkshop<WireOrder, { port: number }>("wire.ts"));
      port = (await wire.ask({ targetPort: sink.port, roundTripMs: options.roundTripMs })).port;
    }
    const postfix = await stack.add(startPostfix({ deliverTo: { host: "127.0.0.1", port }, settings }));
    return {
      name: "Postfix",
      programs: [{ name: "postfix", pid: postfix.pid }],
      sink,
      warmsUp: false,
      async handOver(messages) {
        await source({ port: postfix.port, file: mail.path, messages, recipients: mail.recipients });
        return {};
      },
      stop: stack.stop,
    };
  });
}
