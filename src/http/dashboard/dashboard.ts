// GET /: the dashboard, and the files that its page names.
import { fileURLToPath } from "node:url";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Refusal } from "../../domain/refusals.ts";
import type { App, Dependencies } from "../dependencies.ts";
import { refuse } from "../errors.ts";
import { type DashboardFile, readDashboard } from "./files.ts";

const folder = fileURLToPath(new URL("../../dashboard", import.meta.url));

/** Only files of our own, and no text may ever become markup or script. */
const pagePolicy = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "frame-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
].join("; ");

/**
 * The frame around a mail's preview, which the mail's own frame inherits this from: it may look as it likes and show the images that it
 * brings, but runs no script, loads nothing and leads nowhere.
 */
const previewPolicy = [
  ...["default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "font-src data:"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'self'"],
].join("; ");

const noSuchFile: Refusal = { refused: "not_found", detail: "There is no such file; a newer page names other ones: load it again." };

const unbuilt = "The dashboard is not built; `npm run build` does it. The API is described at /docs.\n";

/** Adds the page and its files. `version` is that of the product: digits, dots and letters. */
export function dashboard(app: App, dependencies: Pick<Dependencies, "captured">, { version }: { version: string }): void {
  const files = readDashboard(folder, { version, sandbox: String(dependencies.captured !== undefined) });
  app.route({
    method: "GET",
    url: "/",
    schema: { hide: true },
    handler: async (request, reply) => {
      if (!files) return reply.type("text/plain; charset=utf-8").send(unbuilt);
      reply.header("content-security-policy", pagePolicy).header("cache-control", "no-cache");
      return sendFile(request, reply, files.page);
    },
  });
  app.route({
    method: "GET",
    url: "/assets/:name",
    schema: { hide: true, params: z.object({ name: z.string() }) },
    handler: async (request, reply) => {
      const { name } = request.params;
      const file = files?.assets.get(name);
      if (!file) return refuse(request, reply, noSuchFile);
      reply.header("cache-control", "public, max-age=31536000, immutable");
      if (name.startsWith("preview-")) {
        reply
          .header("content-security-policy", previewPolicy)
          .header("x-frame-options", "SAMEORIGIN")
          .header("x-dns-prefetch-control", "off");
      }
      return sendFile(request, reply, file);
    },
  });
}

function sendFile(request: FastifyRequest, reply: FastifyReply, { type, content, gzipped, etag }: DashboardFile): FastifyReply {
  reply.header("etag", etag).header("vary", "accept-encoding");
  if (tags(request.headers["if-none-match"]).includes(etag)) return reply.code(304).send();
  const takesGzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(String(request.headers["accept-encoding"] ?? ""));
  if (takesGzip) reply.header("content-encoding", "gzip");
  return reply.type(type).send(takesGzip ? gzipped : content);
}

/** Proxies that compress make a tag weak; it still names the same content (RFC 9110 section 13.1.2). */
function tags(header: string | undefined): string[] {
  return (header ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""));
}
