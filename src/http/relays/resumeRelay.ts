// POST /v1/relays/{name}/resume: a paused relay takes mail again.
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { relay, relayView } from "../schemas/relay.ts";
import { noSuchRelay, relayParams } from "./pauseRelay.ts";

export function resumeRelay(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/relays/:name/resume",
    onRequest: dependencies.scope("operator"),
    schema: {
      operationId: "resumeRelay",
      summary: "Resume a relay",
      description: "It takes mail again. Mail that went to another relay meanwhile stays there.",
      tags: ["Relays"],
      params: relayParams,
      response: { 200: relay, ...problems(404) },
    },
    handler: async (request, reply) => {
      const { name } = request.params;
      const { relays } = dependencies;
      if (!(await relays.statuses()).some((status) => status.name === name)) return refuse(request, reply, noSuchRelay);
      await relays.resume(name);
      const resumed = (await relays.statuses()).find((status) => status.name === name);
      return resumed ? relayView(resumed) : refuse(request, reply, noSuchRelay);
    },
  });
}
