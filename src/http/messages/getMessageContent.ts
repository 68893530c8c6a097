// GET /v1/messages/{id}/content: the finished bytes while they are kept.
import { z } from "zod";
import { noSuchMessage } from "../../accept/change.ts";
import type { Refusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { messageParams } from "./getMessage.ts";

const gone: Refusal = { refused: "content_gone", detail: "The message's content is no longer kept." };

export function getMessageContent(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/messages/:id/content",
    onRequest: dependencies.scope("read"),
    schema: {
      operationId: "getMessageContent",
      summary: "Get a message's bytes",
      description: "The finished RFC 5322 message, while it is kept (`CONTENT_RETENTION`, and longer where a recipient was not sent).",
      tags: ["Messages"],
      params: messageParams,
      response: {
        200: { description: "The message.", content: { "message/rfc822": { schema: z.string() } } },
        ...problems(404, 410),
      },
    },
    handler: async (request, reply) => {
      const found = await dependencies.messages.get(callerOf(request).tenant, request.params.id);
      if (!found) return refuse(request, reply, noSuchMessage);
      const bytes = await dependencies.messages.content(found.record);
      if (!bytes) return refuse(request, reply, gone);
      // A message is somebody's text: a browser shall neither run nor guess it.
      return reply
        .header("content-disposition", `attachment; filename="${found.record.id}.eml"`)
        .type("message/rfc822")
        .send(bytes as never);
    },
  });
}
