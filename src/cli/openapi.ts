// `postern openapi`: the document that describes the API, as it is committed in openapi/.
import { openApiDocument } from "../http/openapi.ts";
import type { Terminal } from "./terminal.ts";

export async function printOpenApi(terminal: Terminal): Promise<number> {
  terminal.out(JSON.stringify(await openApiDocument(), null, 2));
  return 0;
}
