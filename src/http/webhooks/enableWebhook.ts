// POST /v1/webhooks/{id}/enable: a disabled webhook takes part again.
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { webhook, webhookView } from "../schemas/webhook.ts";
import { webhookParams } from "./getWebhook.ts";
import { noSuchWebhook } from "./refusals.ts";

export function enableWebhook(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/webhooks/:id/enable",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "enableWebhook",
      summary: "Enable a webhook",
      description: "What waited when it was disabled is due at once. Events of the time in between are sent by a replay since then.",
      tags: ["Webhooks"],
      params: webhookParams,
      response: { 200: webhook, ...problems(404) },
    },
    handler: async (request, reply) => {
      const enabled = await dependencies.webhooks.enable(callerOf(request).tenant, request.params.id);
      return enabled ? webhookView(enabled) : refuse(request, reply, noSuchWebhook);
    },
  });
}
