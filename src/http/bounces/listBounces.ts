// GET /v1/bounces: the reports that came in, newest first.
import { z } from "zod";
import { reportSources, reportStatuses } from "../../domain/report.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { page, pageOf, pageQuery, timeCursor } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";
import { report, reportKind, reportView } from "../schemas/report.ts";

export function listBounces(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/bounces",
    onRequest: dependencies.scope("read"),
    schema: {
      operationId: "listBounces",
      summary: "List reports",
      description:
        "Newest first. Reports that lead to nobody are in the tenant `default`. A page of a filtered list may be short and still have a `next_cursor`.",
      tags: ["Reports"],
      querystring: z.strictObject({
        ...pageQuery(timeCursor("bnc")),
        status: z.enum(reportStatuses).optional(),
        kind: reportKind.optional(),
        source: z.enum(reportSources).optional(),
      }),
      response: { 200: pageOf(report), ...problems(422) },
    },
    handler: async (request) => {
      const { limit, after, ...filter } = request.query;
      const { reports, nextCursor } = await dependencies.reports.list(callerOf(request).tenant, filter, limit, after);
      return page(reports.map(reportView), nextCursor);
    },
  });
}
