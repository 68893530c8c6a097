// PATCH /v1/webhooks/{id}: another URL, other events, another description.
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { webhook, webhookChange, webhookView } from "../schemas/webhook.ts";
import { webhookParams } from "./getWebhook.ts";
import { noSuchWebhook, refusedUrl } from "./refusals.ts";

export function updateWebhook(app: App, dependencies: Dependencies): void {
  app.route({
    method: "PATCH",
    url: "/v1/webhooks/:id",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "updateWebhook",
      summary: "Change a webhook",
      description: "What is left out stays as it is. Deliveries that wait for a try go to the new URL.",
      tags: ["Webhooks"],
      params: webhookParams,
      body: webhookChange,
      response: { 200: webhook, ...problems(400, 404, 413, 415, 422) },
    },
    handler: async (request, reply) => {
      const { url, events, description } = request.body;
      const refusal = url === undefined ? undefined : refusedUrl(url, dependencies.webhookTargets);
      if (refusal) return refuse(request, reply, refusal);
      const updated = await dependencies.webhooks.update(callerOf(request).tenant, request.params.id, {
        ...(url !== undefined && { url }),
        ...(events !== undefined && { events }),
        ...(description !== undefined && { description }),
      });
      return updated ? webhookView(updated) : refuse(request, reply, noSuchWebhook);
    },
  });
}
