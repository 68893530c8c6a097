// GET /v1/keys/{id}: what a key may do.
import { z } from "zod";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { key, keyView } from "../schemas/key.ts";
import { problems } from "../schemas/problem.ts";
import { findKey, noSuchKey } from "./ownKey.ts";

export const keyParams = z.object({ id: z.string() });

export function getKey(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/keys/:id",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "getKey",
      summary: "Get an API key",
      tags: ["Keys"],
      params: keyParams,
      response: { 200: key, ...problems(404) },
    },
    handler: async (request, reply) => {
      const found = await findKey(dependencies, callerOf(request), request.params.id);
      return found ? keyView(found) : refuse(request, reply, noSuchKey);
    },
  });
}
