// GET /v1/bounces/{id}: one report, with its content while that is kept.
import { z } from "zod";
import type { Refusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { reportFields, reportView } from "../schemas/report.ts";

const reportWhole = z
  .object({
    ...reportFields,
    raw: z.string().nullable().meta({ description: "The mail, base64, its first 1 MiB; null when it is no longer kept." }),
  })
  .meta({ id: "ReportWithContent" });

const noSuchReport: Refusal = { refused: "not_found", detail: "There is no report with this id, or no longer." };

export function getBounce(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/bounces/:id",
    onRequest: dependencies.scope("read"),
    schema: {
      operationId: "getBounce",
      summary: "Get a report",
      tags: ["Reports"],
      params: z.object({ id: z.string() }),
      response: { 200: reportWhole, ...problems(404) },
    },
    handler: async (request, reply) => {
      const found = await dependencies.reports.get(callerOf(request).tenant, request.params.id);
      if (!found) return refuse(request, reply, noSuchReport);
      const raw = await dependencies.reports.content(found.id);
      return { ...reportView(found), raw: raw?.toString("base64") ?? null };
    },
  });
}
