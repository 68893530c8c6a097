// Takes the URLs of mail and Redis servers apart. Not with WHATWG's URL: that knows neither several hosts nor the raw "/" and "+"
// that generated passwords are full of, and what it says of a fault quotes the input.
import { readHost, wholeNumber } from "./values.ts";

export type UrlParts = {
  /** Lower case, without the colon. */
  scheme: string;
  /** Percent-decoded; absent when empty. */
  user?: string;
  /** Percent-decoded; absent when empty. */
  pass?: string;
  /** What stands between user info and path. */
  hosts: string;
  /** From the first slash after the hosts, percent-decoded; empty if there is none. */
  path: string;
  query: Map<string, string>;
};

/** The parts of a URL, or every fault of it, each completing "SMTP_URL: …" without quoting any of it. */
export type Taken<T> = { value: T } | { faults: string[] };

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Takes a URL apart. User and password reach to the last @ before the query and may hold anything raw but `?`, `#`, `%` and white space.
 * @param schemes those that are taken, in lower case
 */
export function takeUrl(text: string, schemes: readonly string[]): Taken<UrlParts> {
  const expected = schemes.map((scheme) => `${scheme}://`).join(", ");
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^?]*)(?:\?(.*))?$/is.exec(text);
  const scheme = match?.[1]?.toLowerCase();
  if (!match || !scheme || !schemes.includes(scheme)) return { faults: [`must be a URL that begins with ${expected}`] };
  const beforeQuery = match[2] ?? "";
  const query = match[3] ?? "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\s\x00-\x1f\x7f]/.test(text))
    return { faults: ["holds white space: write it percent-encoded (%20) if it belongs to the password"] };
  if (text.includes("#")) return { faults: ["holds a #: write it percent-encoded (%23) if it belongs to the password"] };
  if (query.includes("@")) return { faults: ["holds an @ behind a ?: write the ? percent-encoded (%3F) if it belongs to the password"] };

  const login = beforeQuery.slice(0, Math.max(beforeQuery.lastIndexOf("@"), 0));
  const rest = beforeQuery.slice(beforeQuery.lastIndexOf("@") + 1);
  const colon = login.includes(":") ? login.indexOf(":") : login.length;
  const user = decoded(login.slice(0, colon));
  const pass = decoded(login.slice(colon + 1));
  const slash = rest.includes("/") ? rest.indexOf("/") : rest.length;
  const path = decoded(rest.slice(slash));
  if (user === undefined || pass === undefined || path === undefined) {
    return { faults: ["holds a % that begins no percent-encoding: write it as %25 if it belongs to the password"] };
  }

  const faults: string[] = [];
  const options = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (options.has(name)) faults.push("sets an option twice: keep one of them");
    options.set(name, value);
  }
  if (faults.length > 0) return { faults };
  return {
    value: { scheme, ...(user && { user }), ...(pass && { pass }), hosts: rest.slice(0, slash), path, query: options },
  };
}

export const port = wholeNumber({ min: 1, max: 65_535 });

/** `host`, `host:port`, `[IPv6]` or `[IPv6]:port`, the port absent where the text has none; undefined for anything else. */
export function takeAddress(text: string): { host: string; port?: number } | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(\d+))?$/i.exec(text);
  const host = readHost(match?.[1] ?? match?.[2] ?? "");
  if (host === undefined || match?.[3] === undefined) return host === undefined ? undefined : { host };
  const given = port.safeParse(match[3]);
  return given.success ? { host, port: given.data } : undefined;
}
