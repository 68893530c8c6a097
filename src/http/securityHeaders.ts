// The header fields that tell browsers what an answer may do: nothing, unless its operation says otherwise. They are the same for every answer,
// and so are made once.
import type { IncomingMessage, ServerResponse } from "node:http";
import helmet from "helmet";

/** What helmet sets with these options, by lower-case names. */
export function securityHeaders(): Readonly<Record<string, string>> {
  const set = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] },
    },
    // Whether a host is only ever reached by TLS is for whoever ends the TLS to say.
    strictTransportSecurity: false,
  });
  const headers: Record<string, string> = {};
  const answer = {
    setHeader: (name: string, value: string) => {
      headers[name.toLowerCase()] = value;
    },
    removeHeader: () => undefined,
  };
  set({} as IncomingMessage, answer as unknown as ServerResponse, (error?: unknown) => {
    if (error) throw error;
  });
  return headers;
}
