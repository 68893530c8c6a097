// POST /v1/messages/{id}/cancel: Cancels every recipient that is neither settled nor being sent to at the moment.
import { cancel } from "../../accept/change.ts";
import { isRefusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { message } from "../schemas/message.ts";
import { problems } from "../schemas/problem.ts";
import { messageParams } from "./getMessage.ts";

export function cancelMessage(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/messages/:id/cancel",
    onRequest: dependencies.scope("send"),
    schema: {
      operationId: "cancelMessage",
      summary: "Cancel a message",
      description: "Cancels every recipient that is neither settled nor being sent to at the moment.",
      tags: ["Messages"],
      params: messageParams,
      response: { 200: message, ...problems(404, 409) },
    },
    handler: async (request, reply) => {
      const changed = await cancel(dependencies.change, callerOf(request).tenant, request.params.id);
      return isRefusal(changed) ? refuse(request, reply, changed) : changed;
    },
  });
}
