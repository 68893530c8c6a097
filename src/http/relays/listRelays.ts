// GET /v1/relays: the relays with their connections and backlog.
import { z } from "zod";
import { wireTimeOrNull } from "../../domain/messageView.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { wireTime } from "../schemas/message.ts";
import { pageOf } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";

const relay = z
  .object({
    name: z.string(),
    host: z.string(),
    port: z.int(),
    tls: z.string(),
    connections: z
      .object({ allowed: z.int(), open: z.int().nullable(), busy: z.int().nullable() })
      .meta({ description: "`open` and `busy` are those of the process that answers; null where it delivers nothing itself." }),
    queue: z.object({ waiting: z.int(), delayed: z.int(), active: z.int() }),
    oldest_waiting_at: wireTime.nullable(),
  })
  .meta({ id: "Relay" });

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
      const statuses = await dependencies.relayStatuses();
      return {
        data: statuses.map((status) => ({ ...status, oldest_waiting_at: wireTimeOrNull(status.oldest_waiting_at ?? undefined) })),
        has_more: false,
        next_cursor: null,
      };
    },
  });
}
