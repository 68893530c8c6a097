// How the API describes itself: the OpenAPI document, made of the operations' own schemas, and a page to read it.
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import type { ScopeHook } from "./authenticate.ts";
import type { App } from "./dependencies.ts";
import { tidy } from "./openapiTidy.ts";

/** Of the API, not of the product: it changes with `/v1`. */
const apiVersion = "1.0.0";

const description = `Post JSON; Postern checks it, stores it durably, hands it to an SMTP relay, and tells what became of every recipient.

Errors are problem documents (RFC 9457). Lists take \`limit\` and \`after\`. Times are RFC 3339 in UTC.`;

const tags = [
  { name: "Messages", description: "Send mail, and see what became of it." },
  { name: "Events", description: "The log of all that happens." },
  { name: "Statistics", description: "How much, minute by minute." },
  { name: "Suppressions", description: "Addresses that are not sent to." },
  { name: "Webhooks", description: "Have events sent to you (Standard Webhooks)." },
  { name: "Reports", description: "Bounces and complaints that come back, and what they mean." },
  { name: "Keys", description: "API keys: scopes, sender domains." },
  { name: "Relays", description: "The SMTP servers that mail leaves by." },
  { name: "Sandbox", description: "What the capture relay took." },
  { name: "Health", description: "For orchestrators." },
];

/** zod leaves examples out where a value is transformed on its way in: they are of what is sent. */
const zodToJsonConfig: Parameters<typeof createJsonSchemaTransform>[0]["zodToJsonConfig"] = {
  override: ({ zodSchema, jsonSchema }) => {
    const examples = z.globalRegistry.get(zodSchema)?.examples;
    if (Array.isArray(examples)) jsonSchema.examples = examples;
  },
};
const transform = createJsonSchemaTransform({ zodToJsonConfig });
const transformObject = createJsonSchemaTransformObject({ zodToJsonConfig });

/** Adds the document's making. To be called before the operations are added. */
export async function describeOperations(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Postern",
        summary: "The gateway between HTTP and SMTP.",
        description,
        version: apiVersion,
        license: { name: "MIT", identifier: "MIT" },
      },
      servers: [{ url: "/" }],
      tags,
      components: {
        securitySchemes: { key: { type: "http", scheme: "bearer", description: "An API key, as `Authorization: Bearer KEY`." } },
      },
    },
    transform: (document) => {
      const described = transform(document);
      const scope = scopeOf(document.route.onRequest);
      const security = scope === undefined ? [] : [{ key: scope === "any" ? [] : [scope] }];
      return { ...described, schema: { ...described.schema, security } };
    },
    transformObject: (document) => tidy(transformObject(document)) as ReturnType<typeof transformObject>,
  });
}

/** Serves the document and the page. */
export async function serveDocumentation(app: App): Promise<void> {
  app.route({
    method: "GET",
    url: "/openapi.json",
    schema: { hide: true },
    handler: async (_request, reply) => reply.type("application/json; charset=utf-8").send(app.swagger()),
  });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    uiConfig: { docExpansion: "list", persistAuthorization: false, validatorUrl: null },
    // The page sets styles from its scripts; nothing comes from elsewhere.
    staticCSP:
      "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  });
}

/** Every operation under /v1 must say which keys it lets in, or how else a caller proves itself; the rest is public. */
export function refuseUnguarded(app: App): void {
  app.addHook("onRoute", ({ url, onRequest, config }) => {
    if (url.startsWith("/v1/") && scopeOf(onRequest) === undefined && !config?.provesItself)
      throw new Error(`the operation at ${url} asks for no scope`);
  });
}

function scopeOf(hooks: unknown): string | undefined {
  return [hooks].flat().flatMap((hook) => (hook as Partial<ScopeHook> | undefined)?.scope ?? [])[0];
}
