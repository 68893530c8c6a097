// POST /v1/webhooks/{id}/test: a made-up event, sent once.
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { delivery, deliveryView } from "../schemas/webhook.ts";
import { webhookParams } from "./getWebhook.ts";
import { disabled, noSuchWebhook } from "./refusals.ts";

export function testWebhook(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/webhooks/:id/test",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "testWebhook",
      summary: "Send a test event",
      description: "A made-up event, marked `test`, signed as all are and tried once. The delivery says what came of it.",
      tags: ["Webhooks"],
      params: webhookParams,
      response: { 202: delivery, ...problems(404, 409) },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const result = await dependencies.webhookDeliveries.test(callerOf(request).tenant, id);
      if (result.kind !== "due") return refuse(request, reply, result.kind === "gone" ? noSuchWebhook : disabled);
      return reply.code(202).header("location", `/v1/webhooks/${id}/deliveries/${result.delivery.id}`).send(deliveryView(result.delivery));
    },
  });
}
