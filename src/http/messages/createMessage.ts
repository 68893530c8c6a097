// POST /v1/messages: accept one message, or only say what would become of it.
import { z } from "zod";
import { accept } from "../../accept/accept.ts";
import { prepare } from "../../accept/prepare.ts";
import { sendRequest } from "../../accept/request.ts";
import { isRefusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import { bodyBytesMax } from "../bodyLimits.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { claimOf, idempotencyHeaders } from "../idempotencyKey.ts";
import { stepInto } from "../requestStep.ts";
import { message } from "../schemas/message.ts";
import { problems } from "../schemas/problem.ts";
import { dryRun, dryRunSwitch, dryRunView } from "./dryRun.ts";

export function createMessage(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/messages",
    bodyLimit: bodyBytesMax(dependencies.limits.messageBytesMax),
    config: { holdsFiles: true },
    onRequest: dependencies.scope("send"),
    schema: {
      operationId: "createMessage",
      summary: "Send a message",
      description: "Stores the message durably and answers 202; from then on every recipient is settled by `expires_at`.",
      tags: ["Messages"],
      headers: idempotencyHeaders,
      querystring: z.strictObject({
        dry_run: dryRunSwitch,
      }),
      body: sendRequest,
      response: { 200: dryRun, 202: message, ...problems(400, 409, 413, 415, 422) },
    },
    handler: async (request, reply) => {
      const caller = callerOf(request);
      const draft = await prepare(dependencies.prepare, caller, request.body);
      if (request.query.dry_run) {
        return isRefusal(draft) ? refuse(request, reply, draft) : reply.code(200).send(dryRunView(draft, dependencies.prepare));
      }
      const accepted = await accept(stepInto(request, dependencies), draft, await claimOf(request, "/v1/messages"));
      if (isRefusal(accepted)) return refuse(request, reply, accepted);
      if (accepted.replayed) reply.header("idempotent-replayed", "true");
      reply.code(202).header("location", `/v1/messages/${accepted.message.id}`);
      // Past the schema, which a view fulfils by its type: going by it costs three times the writing.
      return reply.type("application/json; charset=utf-8").serializer(JSON.stringify).send(accepted.message);
    },
  });
}
