// GET /v1/captured: what the sandbox's capture relay took.
import { z } from "zod";
import type { CapturedMessage } from "../../domain/captured.ts";
import { wireTime as timeOf } from "../../domain/messageView.ts";
import type { Refusal } from "../../domain/refusals.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { wireTime } from "../schemas/message.ts";
import { page, pageOf, pageQuery } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";

export const capturedFields = {
  id: z.string(),
  received_at: wireTime,
  envelope: z.object({ from: z.string(), to: z.array(z.string()) }),
  from: z.string().meta({ description: "The mail's From, decoded; empty if it has none. `envelope.from` is where bounces go." }),
  subject: z.string(),
  size: z.int(),
};

const captured = z.object(capturedFields).meta({ id: "CapturedMessage", description: "A mail as the capture relay took it." });

export const noSandbox: Refusal = { refused: "not_found", detail: "There is no capture relay: this is not the sandbox." };

export function listCaptured(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/captured",
    // The relay knows no tenants.
    onRequest: dependencies.scope("operator"),
    schema: {
      operationId: "listCaptured",
      summary: "List captured mail",
      description: "Sandbox only: the mail that the capture relay took, newest first, whoever sent it.",
      tags: ["Sandbox"],
      querystring: z.strictObject(pageQuery(/^[0-9A-Za-z_-]{1,64}$/)),
      response: { 200: pageOf(captured), ...problems(404, 422) },
    },
    handler: async (request, reply) => {
      if (!dependencies.captured) return refuse(request, reply, noSandbox);
      const { limit, after } = request.query;
      const found = await dependencies.captured.list({ limit, ...(after !== undefined && { after }) });
      return page(found.data.map(capturedView), found.next);
    },
  });
}

/** A captured mail for the outside. */
export function capturedView({ id, received_at, envelope, from, subject, size }: CapturedMessage) {
  return { id, received_at: timeOf(received_at), envelope, from, subject, size };
}
