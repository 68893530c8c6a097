// DELETE /v1/webhooks/{id}: nothing more is sent to it.
import { z } from "zod";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { webhookParams } from "./getWebhook.ts";
import { noSuchWebhook } from "./refusals.ts";

export function deleteWebhook(app: App, dependencies: Dependencies): void {
  app.route({
    method: "DELETE",
    url: "/v1/webhooks/:id",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "deleteWebhook",
      summary: "Delete a webhook",
      description: "It ends at once, and its deliveries go with it.",
      tags: ["Webhooks"],
      params: webhookParams,
      response: { 204: z.undefined().meta({ description: "It is gone." }), ...problems(404) },
    },
    handler: async (request, reply) => {
      const removed = await dependencies.webhooks.remove(callerOf(request).tenant, request.params.id);
      return removed ? reply.code(204).send(undefined) : refuse(request, reply, noSuchWebhook);
    },
  });
}
