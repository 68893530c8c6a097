// GET /livez: the process is up and its event loop turns. Depends on nothing else, so that nobody restarts it because Redis is away.
import { z } from "zod";
import type { App } from "../dependencies.ts";

export function livez(app: App): void {
  app.route({
    method: "GET",
    url: "/livez",
    schema: {
      operationId: "livez",
      summary: "Is the process up?",
      tags: ["Health"],
      response: { 200: z.object({ status: z.literal("live") }) },
    },
    handler: async (_request, reply) => reply.header("cache-control", "no-store").send({ status: "live" as const }),
  });
}
