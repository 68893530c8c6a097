// GET /v1/suppressions: a tenant's suppressions, newest first, or those of which the address begins with something, in its order.
import { z } from "zod";
import { listName } from "../../accept/request.ts";
import { isCursorOf } from "../../store/suppressions.ts";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { page, pageOf, pageQuery } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";
import { suppression, suppressionReason, suppressionView } from "../schemas/suppression.ts";

const query = z
  .strictObject({
    ...pageQuery(/^(\d{1,17}|a[A-Za-z0-9_-]{1,512})$/),
    reason: suppressionReason.optional(),
    list: listName.optional().meta({ description: "Only those of this mailing list." }),
    address: z
      .string()
      .min(1)
      .max(254)
      .optional()
      .meta({ description: "What the address begins with; case does not matter. The page is then in the order of the addresses." }),
  })
  .superRefine(({ after, address }, context) => {
    if (after === undefined || isCursorOf(after, address)) return;
    const message = "is the cursor of a list with or without `address`, unlike this one; begin anew without it";
    context.addIssue({ code: "custom", message, path: ["after"], params: { code: "invalid_format" } });
  });

export function listSuppressions(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/suppressions",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "listSuppressions",
      summary: "List suppressions",
      description: "Newest first. With `reason` or `list` a page may be short and still have a next one.",
      tags: ["Suppressions"],
      querystring: query,
      response: { 200: pageOf(suppression), ...problems(422) },
    },
    handler: async (request) => {
      const { limit, after, reason, list, address } = request.query;
      const filter = { ...(reason && { reason }), ...(list && { list }), ...(address && { addressPrefix: address }) };
      const { suppressions, nextCursor } = await dependencies.suppressions.list(callerOf(request).tenant, filter, limit, after);
      return page(suppressions.map(suppressionView), nextCursor);
    },
  });
}
