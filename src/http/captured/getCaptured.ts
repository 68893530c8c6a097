// GET /v1/captured/{id}: one mail of the sandbox, as bytes and with its header taken apart.
import { z } from "zod";
import type { Refusal } from "../../domain/refusals.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { headerFields } from "./headerFields.ts";
import { capturedFields, capturedView, noSandbox } from "./listCaptured.ts";

const capturedWhole = z
  .object({
    ...capturedFields,
    headers: z.array(z.object({ name: z.string(), value: z.string() })).meta({ description: "In their order, unfolded, not decoded." }),
    raw: z.string().meta({ description: "The whole mail, base64." }),
  })
  .meta({ id: "CapturedMessageWithContent" });

const noSuchMail: Refusal = { refused: "not_found", detail: "There is no captured mail with this id, or no longer." };

export function getCaptured(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/captured/:id",
    onRequest: dependencies.scope("operator"),
    schema: {
      operationId: "getCaptured",
      summary: "Get a captured mail",
      description: "Sandbox only.",
      tags: ["Sandbox"],
      params: z.object({ id: z.string() }),
      response: { 200: capturedWhole, ...problems(404) },
    },
    handler: async (request, reply) => {
      if (!dependencies.captured) return refuse(request, reply, noSandbox);
      const found = await dependencies.captured.get(request.params.id);
      if (!found) return refuse(request, reply, noSuchMail);
      return { ...capturedView(found.message), headers: headerFields(found.raw), raw: found.raw.toString("base64") };
    },
  });
}
