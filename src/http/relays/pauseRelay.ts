// POST /v1/relays/{name}/pause: an operator keeps mail off a relay.
import { z } from "zod";
import type { Refusal } from "../../domain/refusals.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { relay, relayView } from "../schemas/relay.ts";

export const relayParams = z.object({ name: z.string() });

export const noSuchRelay: Refusal = { refused: "not_found", detail: "There is no relay of this name; GET /v1/relays lists them." };

export function pauseRelay(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/relays/:name/pause",
    onRequest: dependencies.scope("operator"),
    schema: {
      operationId: "pauseRelay",
      summary: "Pause a relay",
      description:
        "It takes no mail until it is resumed. What waits for it goes to the next relay of its route; what has no other relay waits, and still ends by its deadline. Attempts under way go on.",
      tags: ["Relays"],
      params: relayParams,
      response: { 200: relay, ...problems(404) },
    },
    handler: async (request, reply) => {
      const { name } = request.params;
      const { relays } = dependencies;
      if (!(await relays.statuses()).some((status) => status.name === name)) return refuse(request, reply, noSuchRelay);
      await relays.pause(name);
      const paused = (await relays.statuses()).find((status) => status.name === name);
      return paused ? relayView(paused) : refuse(request, reply, noSuchRelay);
    },
  });
}
