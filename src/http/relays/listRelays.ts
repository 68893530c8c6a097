// GET /v1/relays: the relays with their health, connections and backlog.
import type { App, Dependencies } from "../dependencies.ts";
import { pageOf } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";
import { relay, relayView } from "../schemas/relay.ts";

export function listRelays(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/relays",
    onRequest: dependencies.scope("operator"),
    schema: {
      operationId: "listRelays",
      summary: "List relays",
      description: "All of them, in the order of the configuration.",
      tags: ["Relays"],
      response: { 200: pageOf(relay), ...problems() },
    },
    handler: async () => {
      const statuses = await dependencies.relays.statuses();
      return { data: statuses.map(relayView), has_more: false, next_cursor: null };
    },
  });
}
