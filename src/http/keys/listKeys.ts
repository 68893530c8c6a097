// GET /v1/keys: a tenant's keys, newest first.
import { z } from "zod";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { key, keyView } from "../schemas/key.ts";
import { page, pageOf, pageQuery, timeCursor } from "../schemas/page.ts";
import { problems } from "../schemas/problem.ts";
import { otherTenant } from "./ownKey.ts";

export function listKeys(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/keys",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "listKeys",
      summary: "List API keys",
      description: "Newest first, without their secrets.",
      tags: ["Keys"],
      querystring: z.strictObject({
        ...pageQuery(timeCursor("key")),
        tenant: z.string().optional().meta({ description: "For operators: another tenant's keys." }),
      }),
      response: { 200: pageOf(key), ...problems(422) },
    },
    handler: async (request, reply) => {
      const caller = callerOf(request);
      const { limit, after, tenant = caller.tenant } = request.query;
      if (tenant !== caller.tenant && !caller.scopes.includes("operator")) return refuse(request, reply, otherTenant);
      const { keys, nextCursor } = await dependencies.apiKeys.list(tenant, limit, after);
      return page(keys.map(keyView), nextCursor);
    },
  });
}
