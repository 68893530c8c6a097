// GET /v1/messages/{id}/attempts: each SMTP transaction with its dialogue.
import { z } from "zod";
import { noSuchMessage } from "../../accept/change.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { wireTime } from "../schemas/message.ts";
import { pageOf } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";
import { messageParams } from "./getMessage.ts";

const reply = z.object({ code: z.int(), enhanced: z.string().optional(), text: z.string() });

const attempt = z
  .object({
    attempt: z.int(),
    relay: z.string(),
    started_at: wireTime,
    duration_ms: z.int(),
    remote_address: z.string().nullable(),
    connection_reused: z.boolean().nullable(),
    tls: z.object({ version: z.string(), cipher: z.string() }).nullable(),
    timings: z
      .object({
        connect_ms: z.number().nullable(),
        envelope_ms: z.number(),
        body_ms: z.number(),
        reply_ms: z.number(),
        total_ms: z.number(),
      })
      .nullable(),
    recipients: z.array(
      z.object({
        address: z.string().nullable(),
        outcome: z.enum(["accepted", "refused", "try_later", "not_sent", "in_doubt"]),
        reply: reply.nullable(),
        fault: z.object({ phase: z.string(), text: z.string() }).nullable(),
      }),
    ),
    transcript: z.array(z.object({ from: z.enum(["client", "server"]), at_ms: z.number(), line: z.string() })),
  })
  .meta({ id: "Attempt", description: "One SMTP transaction; credentials are masked." });

export function listMessageAttempts(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/messages/:id/attempts",
    onRequest: dependencies.scope("read"),
    schema: {
      operationId: "listMessageAttempts",
      summary: "List a message's attempts",
      description: "Oldest first, the newest 100 at most.",
      tags: ["Messages"],
      params: messageParams,
      response: { 200: pageOf(attempt), ...problems(404) },
    },
    handler: async (request, response) => {
      const { id } = request.params;
      if (!(await dependencies.messages.get(callerOf(request).tenant, id))) return refuse(request, response, noSuchMessage);
      const attempts = (await dependencies.messages.attempts(id)) as z.output<typeof attempt>[];
      return { data: attempts, has_more: false, next_cursor: null };
    },
  });
}
