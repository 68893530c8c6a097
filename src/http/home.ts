// GET /: a plain page that says what this is and where to go.
import { createHash } from "node:crypto";
import type { App } from "./dependencies.ts";

const style = `:root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:40rem;margin:15vh auto 0;padding:0 1.5rem}
h1{font-size:1.5rem;margin:0}p{margin:.25rem 0 1.5rem}ul{padding-left:1.2rem}code{font:.9em ui-monospace,monospace}`;

function page(version: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Postern</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Postern</h1>
<p>The gateway between HTTP and SMTP. Version ${version}.</p>
<ul>
<li><a href="/docs">API documentation</a></li>
<li><a href="/openapi.json">OpenAPI document</a></li>
<li><a href="/readyz">Is it ready?</a></li>
<li><code>GET /v1/messages</code> lists messages, with an API key: <code>Authorization: Bearer KEY</code></li>
</ul>
</main>
</body>
</html>
`;
}

/** Adds the page. `version` is that of the product: digits, dots and letters. */
export function home(app: App, { version }: { version: string }): void {
  const html = page(version);
  const hash = createHash("sha256").update(style).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  app.route({
    method: "GET",
    url: "/",
    schema: { hide: true },
    handler: async (_request, reply) => reply.header("content-security-policy", policy).type("text/html; charset=utf-8").send(html),
  });
}
