// POST /v1/suppressions/import: a CSV file of addresses, read as it arrives; a faulty row is reported and stops nothing.
import { Readable } from "node:stream";
import { z } from "zod";
import { isRefusal } from "../../domain/refusals.ts";
import { callerOf } from "../authenticate.ts";
import { csvType } from "../bodies.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse, unsupportedType } from "../errors.ts";
import { problems } from "../schemas/problem.ts";
import { importCsv } from "./importCsv.ts";

const result = z
  .object({
    added: z.int(),
    strengthened: z.int().meta({ description: "Were suppressed already, and are now for longer or for a graver reason." }),
    unchanged: z.int(),
    failed: z.int().meta({ description: "Rows that could not be read; nothing came of these alone." }),
    complete: z.boolean().meta({ description: "False: the rows behind the last error could not be told apart, and were not read." }),
    errors: z
      .array(z.object({ line: z.int(), column: z.string().nullable(), code: z.string(), message: z.string() }))
      .meta({ description: "The first 1,000 faulty rows, by the number of their last line in the file; the header is line 1." }),
    ignored_columns: z.array(z.string()),
  })
  .meta({ id: "SuppressionImport" });

export function importSuppressions(app: App, dependencies: Dependencies): void {
  app.route({
    method: "POST",
    url: "/v1/suppressions/import",
    onRequest: dependencies.scope("manage"),
    schema: {
      operationId: "importSuppressions",
      summary: "Import suppressions from CSV",
      description:
        "The first row names the columns: `address` (or `email`), and as you like `list`, `reason`, `category`, `created_at`, `expires_at`. A million rows are fine. Faulty rows are reported and stop nothing; imported twice, a file changes nothing more.",
      tags: ["Suppressions"],
      consumes: [csvType],
      body: z.any().meta({ type: "string", examples: ["address,reason\r\nada@example.net,complaint\r\n"] }),
      response: { 200: result, ...problems(400, 415, 422) },
    },
    handler: async (request, reply) => {
      const { suppressions, ledger } = dependencies;
      const { tenant } = callerOf(request);
      const file = request.body instanceof Readable ? request.body : undefined;
      if (request.body && !file) return refuse(request, reply, unsupportedType(request));
      const imported = await importCsv(file, {
        store: (rows) => suppressions.addTogether(tenant, rows),
        now: ledger.clock.now,
      });
      return isRefusal(imported) ? refuse(request, reply, imported) : imported;
    },
  });
}
