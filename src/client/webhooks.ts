// Having events sent to you.
import type { ReplayRequest, WebhookChange, WebhookRequest } from "./api.ts";
import { listOf } from "./list.ts";
import type { CallOperation, Query } from "./operations.ts";
import type { CallOptions } from "./request.ts";

export function webhooksOf(call: CallOperation) {
  return {
    /** Its answer, and that of `rotateSecret`, hold the `secret`; no other does. */
    create: (request: WebhookRequest, options?: CallOptions) => call("createWebhook", { body: request }, options),
    list: (query?: Query<"listWebhooks">, options?: CallOptions) => listOf(call, "listWebhooks", { query, options }),
    get: (id: string, options?: CallOptions) => call("getWebhook", { path: { id } }, options),
    update: (id: string, change: WebhookChange, options?: CallOptions) => call("updateWebhook", { path: { id }, body: change }, options),
    delete: (id: string, options?: CallOptions) => call("deleteWebhook", { path: { id } }, options),
    /** After it was disabled. */
    enable: (id: string, options?: CallOptions) => call("enableWebhook", { path: { id }, isRepeatable: true }, options),
    /** Both secrets sign for a while. */
    rotateSecret: (id: string, options?: CallOptions) => call("rotateWebhookSecret", { path: { id } }, options),
    /** Sends a sample. */
    test: (id: string, options?: CallOptions) => call("testWebhook", { path: { id } }, options),
    /** Sends all that happened since a time once more. */
    replay: (id: string, request: ReplayRequest, options?: CallOptions) => call("replayWebhook", { path: { id }, body: request }, options),
    deliveries: (id: string, query?: Query<"listWebhookDeliveries">, options?: CallOptions) =>
      listOf(call, "listWebhookDeliveries", { path: { id }, query, options }),
    /** With its tries. */
    delivery: (id: string, deliveryId: string, options?: CallOptions) =>
      call("getWebhookDelivery", { path: { id, delivery_id: deliveryId } }, options),
    replayDelivery: (id: string, deliveryId: string, options?: CallOptions) =>
      call("replayWebhookDelivery", { path: { id, delivery_id: deliveryId } }, options),
  };
}
