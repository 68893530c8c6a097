// The pages that an unsubscribe link leads to: one sentence and at most one button. No script; nothing is loaded from anywhere.
import { createHash } from "node:crypto";
import type { FastifyReply } from "fastify";

const style = `:root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:32rem;margin:15vh auto 0;padding:0 1.5rem}
h1{font-size:1.5rem;margin:0 0 .5rem}b{overflow-wrap:anywhere}button{font:inherit;padding:.5rem 1.25rem;margin-top:1rem}`;

const styleHash = createHash("sha256").update(style).digest("base64");

/** The button posts to the page's own address, and the page stands in no frame of somebody else's. */
const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`;

export type Page = {
  status: 200 | 404 | 410 | 503;
  title: string;
  /** HTML; what comes from outside is escaped. */
  body: string;
};

/** Text as HTML shows it. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Answers with a page, which no cache and no search engine keeps. */
export function sendPage(reply: FastifyReply, { status, title, body }: Page): FastifyReply {
  if (status === 503) reply.header("retry-after", "5");
  return reply
    .code(status)
    .header("content-security-policy", policy)
    .header("cache-control", "no-store")
    .header("x-robots-tag", "noindex, nofollow")
    .type("text/html; charset=utf-8")
    .send(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`);
}

/** A link that nobody here has signed: mistyped, cut off or made up. */
export const noSuchLink: Page = {
  status: 404,
  title: "This link does not work",
  body: "<p>It is incomplete or was not made here. Use the link in the message itself, whole.</p>",
};

export const expiredLink: Page = {
  status: 410,
  title: "This link is too old",
  body: "<p>Use the link in a newer message of this sender, or answer to it.</p>",
};

/** The store is away; mail programs that unsubscribe by one click try again. */
export const notNow: Page = {
  status: 503,
  title: "Not possible at the moment",
  body: "<p>Nothing was changed. Please try again in a moment.</p>",
};
