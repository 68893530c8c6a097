// POST /v1/messages/batch: up to 500 messages, each judged alone.
import { z } from "zod";
import { acceptBatch, type BatchResult } from "../../accept/batch.ts";
import { invalid, prepare } from "../../accept/prepare.ts";
import { sendRequest } from "../../accept/request.ts";
import { isRefusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { problemOf, refuse } from "../errors.ts";
import { claimOf, idempotencyHeaders } from "../idempotencyKey.ts";
import { check } from "../inputFaults.ts";
import { stepInto } from "../requestStep.ts";
import { problem, problems } from "../schemas/problem.ts";

const messagesMax = 500;

const batch = z
  .strictObject({
    // Each is judged alone, by hand.
    messages: z
      .array(z.unknown().meta({ $ref: "#/components/schemas/SendRequestInput" }))
      .min(1)
      .max(messagesMax),
  })
  .meta({
    id: "BatchRequest",
    examples: [{ messages: [{ from: "news@example.com", to: "ada@example.net", subject: "News", text: "Hello Ada" }] }],
  });

const result = z.union([z.object({ index: z.int(), id: z.string() }), z.object({ index: z.int(), error: problem })]);

export function createBatch(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/messages/batch",
    bodyLimit: dependencies.limits.batchBytesMax,
    config: { holdsFiles: true },
    onRequest: dependencies.scope("send"),
    schema: {
      operationId: "createBatch",
      summary: "Send up to 500 messages",
      description: "Each message is accepted or refused alone; the answer names each by its place.",
      tags: ["Messages"],
      headers: idempotencyHeaders,
      // Strict, so that nobody who asks for a dry run sends 500 messages.
      querystring: z.strictObject({}),
      body: batch,
      response: { 200: z.object({ data: z.array(result) }), ...problems(400, 409, 413, 415, 422) },
    },
    handler: async (request, reply) => {
      const caller = callerOf(request);
      const answer = await acceptBatch(
        stepInto(request, dependencies),
        request.body.messages.map((item) => async () => {
          const checked = check(sendRequest, item, "body");
          return "errors" in checked ? invalid(checked.errors) : prepare(dependencies.prepare, caller, checked.value);
        }),
        (item) => {
          if ("error" in item) dependencies.observeRefusal(item.error.refused);
          return view(item, request.id);
        },
        await claimOf(request, "/v1/messages/batch"),
      );
      if (isRefusal(answer)) return refuse(request, reply, answer);
      if (answer.replayed) reply.header("idempotent-replayed", "true");
      return reply.code(200).send({ data: answer.items });
    },
  });
}

function view(item: BatchResult, requestId: string): z.output<typeof result> {
  return "id" in item ? { index: item.index, id: item.id } : { index: item.index, error: problemOf(item.error, requestId) };
}
