// GET /v1/keys/self: what the key that asks may do.
import { z } from "zod";
import { callerOf } from "../authenticate.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { key } from "../schemas/key.ts";
import { problems } from "../schemas/problem.ts";

const ownKey = key
  .omit({ created_at: true })
  .extend({ name: z.string().meta({ description: "Empty where it has none: the key of the configuration." }) })
  .meta({ id: "OwnKey" });

export function getCallersKey(app: App, dependencies: Dependencies): void {
  app.route({
    method: "GET",
    url: "/v1/keys/self",
    onRequest: dependencies.scope("any"),
    schema: {
      operationId: "getCallersKey",
      summary: "Get the key that asks",
      description: "Whatever its scopes: so that a client knows what it may do.",
      tags: ["Keys"],
      response: { 200: ownKey, ...problems() },
    },
    handler: async (request, reply) => {
      const { keyId, keyName, tenant, scopes, domains, relays } = callerOf(request);
      return reply.header("cache-control", "no-store").send({
        id: keyId,
        name: keyName ?? "",
        tenant,
        scopes: [...scopes],
        domains: domains ? [...domains] : null,
        relays: [...(relays ?? [])],
      });
    },
  });
}
