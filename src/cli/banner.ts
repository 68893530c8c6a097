// What a person sees when the service has started outside production: where it is, and how to send the first message.
import type { Config } from "../config.ts";
import type { Running } from "../start.ts";

/** The banner's lines. The curl command works as it stands when it is pasted. */
export function bannerOf(config: Config, running: Running): string[] {
  if (running.url === undefined) return [];
  const { url, apiKey } = running;
  const first = [
    "",
    `  Postern is ready${config.sandbox ? " (sandbox: mail is captured, nothing leaves this machine)" : ""}`,
    "",
    `  Dashboard   ${url}/`,
    `  API docs    ${url}/docs`,
  ];
  if (apiKey === undefined) return [...first, "  API key     make one: postern keys create; the dashboard takes it too", ""];
  const message = { from: "Postern <hello@sandbox.test>", to: "delivered@sandbox.test", subject: "Hello", text: "It works." };
  return [
    ...first,
    `  API key     ${apiKey}`,
    "              (signs in to the dashboard, and goes with every request)",
    "",
    "  Send a message:",
    "",
    `curl -sS ${url}/v1/messages \\`,
    `  -H 'Authorization: Bearer ${apiKey}' \\`,
    "  -H 'Content-Type: application/json' \\",
    `  -d '${JSON.stringify(message)}'`,
    "",
    ...(config.sandbox ? ["  See what was captured:", "", `curl -sS ${url}/v1/captured -H 'Authorization: Bearer ${apiKey}'`, ""] : []),
  ];
}
