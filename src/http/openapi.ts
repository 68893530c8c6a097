// The API's description without a running gateway: `postern openapi` prints it.
import { createApp } from "./app.ts";
import { requireScope } from "./authenticate.ts";
import type { Dependencies } from "./dependencies.ts";

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** The OpenAPI 3.1 document, in a stable order. */
export async function openApiDocument(): Promise<object> {
  const nobody = { find: async () => undefined };
  // The operations are only described: what they would work with is never called.
  const dependencies = {
    limits: { messageBytesMax: 0, batchBytesMax: 1 },
    scope: (scope) => requireScope({ apiKeys: nobody, bootstrapKey: undefined }, scope),
  } as Partial<Dependencies> as Dependencies;
  const app = await createApp(dependencies, { log: silent, version: "" });
  await app.ready();
  try {
    return app.swagger();
  } finally {
    await app.close();
  }
}
