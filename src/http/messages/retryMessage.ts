// POST /v1/messages/{id}/retry: Failed, bounced and unknown recipients are queued again while the content is kept, with a new deadline.
import { retry } from "../../accept/change.ts";
import { isRefusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { message } from "../schemas/message.ts";
import { problems } from "../schemas/problem.ts";
import { messageParams } from "./getMessage.ts";

export function retryMessage(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/messages/:id/retry",
    onRequest: dependencies.scope("send"),
    schema: {
      operationId: "retryMessage",
      summary: "Try settled recipients again",
      description:
        "Failed, bounced and unknown recipients are queued again while the content is kept, with a new deadline; one whom only its own bounce suppressed too.",
      tags: ["Messages"],
      params: messageParams,
      response: { 200: message, ...problems(404, 409, 410, 422) },
    },
    handler: async (request, reply) => {
      const changed = await retry(dependencies.change, callerOf(request).tenant, request.params.id);
      return isRefusal(changed) ? refuse(request, reply, changed) : changed;
    },
  });
}
