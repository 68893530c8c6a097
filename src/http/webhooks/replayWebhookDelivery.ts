// POST /v1/webhooks/{id}/deliveries/{delivery_id}/replay: one event is sent again.
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { delivery, deliveryView } from "../schemas/webhook.ts";
import { deliveryParams } from "./getWebhookDelivery.ts";
import { disabled, noSuchDelivery } from "./refusals.ts";

export function replayWebhookDelivery(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/webhooks/:id/deliveries/:delivery_id/replay",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "replayWebhookDelivery",
      summary: "Send an event again",
      description: "At once, whatever became of it before, and with the same `webhook-id`.",
      tags: ["Webhooks"],
      params: deliveryParams,
      response: { 202: delivery, ...problems(404, 409) },
    },
    handler: async (request, reply) => {
      const { id, delivery_id } = request.params;
      const result = await dependencies.webhookDeliveries.replay(callerOf(request).tenant, id, delivery_id);
      if (result.kind !== "due") return refuse(request, reply, result.kind === "gone" ? noSuchDelivery : disabled);
      return reply.code(202).send(deliveryView(result.delivery));
    },
  });
}
