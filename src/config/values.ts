// Schemas of single values. The environment and the file both hold text, so each schema reads text.
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { z } from "zod";
import { checkAddress } from "../domain/address.ts";
import type { Rate } from "../domain/relay.ts";
import { formatDuration, formatSize, parseDuration, parseRate, parseSize } from "../domain/units.ts";
import type { Tree } from "./fields.ts";

/** A part of the file that is judged later. */
export const anything = z.custom<Tree>(() => true);

/**
 * A schema that reads one text.
 * @param expected completes "must be …"
 * @param read returns undefined for what it does not take
 */
export function scalar<T>(expected: string, read: (text: string) => T | undefined) {
  return z.string({ error: `must be ${expected}` }).transform((text, context): T => {
    const value = read(text.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message: `must be ${expected}` });
    return z.NEVER;
  });
}

/** One value, or a list of at least one. Faults of a list name the item. */
export function oneOrMore<T>(value: z.ZodType<T>) {
  const list = z.array(value).min(1, { error: "needs at least one value: fill it, or leave the key out" });
  return z.unknown().transform((tree, context): T | T[] => {
    const read: z.ZodSafeParseResult<T | T[]> = Array.isArray(tree) ? list.safeParse(tree) : value.safeParse(tree);
    if (read.success) return read.data;
    for (const { path, message } of read.error.issues) context.addIssue({ code: "custom", path, message });
    return z.NEVER;
  });
}

export function oneOf<const Word extends string>(words: readonly Word[]) {
  return scalar(`one of ${words.join(", ")}`, (text) => words.find((word) => word === text.toLowerCase()));
}

export function wholeNumber({ min, max }: { min: number; max: number }) {
  return scalar(`a whole number from ${min} to ${max}`, (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

const flagWords: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  "1": true,
  false: false,
  no: false,
  off: false,
  "0": false,
};

export const flag = scalar("true or false", (text) =>
  Object.hasOwn(flagWords, text.toLowerCase()) ? flagWords[text.toLowerCase()] : undefined,
);

/** In milliseconds. Without bounds: from 0 to ten years. */
export function duration({ minMs = 0, maxMs = 3_650 * 86_400_000 }: { minMs?: number; maxMs?: number } = {}) {
  const bounds = `${minMs > 0 ? `from ${formatDuration(minMs)} ` : ""}up to ${formatDuration(maxMs)}`;
  return scalar(`a duration with a unit, like 250ms, 30s, 10m, 72h or 7d, ${bounds}`, (text) => {
    const value = parseDuration(text);
    return value !== undefined && value >= minMs && value <= maxMs ? value : undefined;
  });
}

/** In bytes. */
export function size({ min, max }: { min: number; max: number }) {
  return scalar(`a size like 500kb or 25mb, from ${formatSize(min)} to ${formatSize(max)}`, (text) => {
    const value = parseSize(text);
    return value !== undefined && value >= min && value <= max ? value : undefined;
  });
}

/**
 * One rate, or a list of rates that all hold at once; `none` is an empty list. Two of one period are refused, for only the lower would count.
 * @param periodMultipleMs what every period must be a multiple of
 */
export function rates({ periodMultipleMs = 1 }: { periodMultipleMs?: number } = {}) {
  const periods = periodMultipleMs > 1 ? ` with a period of whole ${formatDuration(periodMultipleMs).replace(/^1/, "")}` : "";
  const message = `must be a rate like 50/s, 2000/h or 100/15m${periods}, a list of rates, or none`;
  return z
    .custom<Tree>(() => true)
    .transform((tree, context): Rate[] => {
      if (tree === "none") return [];
      const found = new Map<number, Rate>();
      for (const [index, item] of [tree].flat().entries()) {
        const rate = typeof item === "string" ? parseRate(item.trim()) : undefined;
        const path = Array.isArray(tree) ? [index] : [];
        if (!rate || rate.perMs % periodMultipleMs !== 0) context.addIssue({ code: "custom", message, path });
        else if (found.has(rate.perMs))
          context.addIssue({ code: "custom", message: "has the period of another one: keep the lower rate", path });
        else found.set(rate.perMs, rate);
      }
      if (Array.isArray(tree) && tree.length === 0) context.addIssue({ code: "custom", message });
      return [...found.values()];
    });
}

/** An IP address (IPv6 without brackets) or a host name; international names become ASCII. Names of containers may hold underscores. */
export function readHost(text: string): string | undefined {
  if (isIP(text) !== 0) return text;
  const ascii = /^[\x20-\x7e]*$/.test(text) ? text.toLowerCase() : domainToASCII(text);
  const isName = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/.test(ascii);
  // All digits and dots, but no address: a mistyped one, which some resolvers would still take for another.
  return isName && ascii.length <= 253 && !/^[0-9.]+$/.test(ascii) ? ascii : undefined;
}

export const host = scalar("a host name or an IP address, without brackets and without a port", readHost);

/** A mail domain in its canonical form: lower case, ASCII, without the final dot. */
export function readDomain(text: string): string | undefined {
  const ascii = domainToASCII(text.replace(/\.$/, ""));
  const isDomain = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(ascii);
  return isDomain && ascii.length <= 253 && isIP(ascii) === 0 ? ascii : undefined;
}

export const domain = scalar("a domain like example.com", readDomain);

/** A bare mail address in its canonical form. */
export const mailAddress = scalar("an address like fbl@example.com", (text) => {
  const checked = checkAddress(text);
  return "fault" in checked ? undefined : checked.address;
});

/** A domain, or `*.` and a domain for its sub-domains. */
export const domainPattern = scalar("a domain like example.com, or *.example.com for its sub-domains", (text) => {
  const bare = readDomain(text.replace(/^\*\./, ""));
  return bare !== undefined && text.startsWith("*.") ? `*.${bare}` : bare;
});

/** So that a link with it and the longest token still fits on a line of a message (RFC 5322 section 2.1.1). */
const publicUrlCharactersMax = 200;

/**
 * The URL by which others reach this API, without a slash at its end. A link for one-click unsubscribing must be https (RFC 8058 section
 * 3.1); http is for trying it out on one machine.
 */
export const publicUrl = scalar(
  `an https URL of at most ${publicUrlCharactersMax} characters, like https://mail.example.com (http only for localhost)`,
  (text) => {
    if (!URL.canParse(text) || text.length > publicUrlCharactersMax) return undefined;
    const { protocol, hostname, username, password, search, hash, href } = new URL(text);
    const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
    const isPlain = username === "" && password === "" && search === "" && hash === "" && !/[?#]/.test(text);
    return isPlain && (protocol === "https:" || (protocol === "http:" && isLocal)) ? href.replace(/\/+$/, "") : undefined;
  },
);

/** Where commands find the API, without a slash at its end; inside a cluster that may well be http. */
export const apiUrl = scalar("the URL of the API, like http://127.0.0.1:8080 or https://mail.example.com", (text) => {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, href } = new URL(text);
  const isPlain = username === "" && password === "" && !/[?#]/.test(text);
  return isPlain && (protocol === "https:" || protocol === "http:") ? href.replace(/\/+$/, "") : undefined;
});

/** Text taken as it is, spaces included: a user name or a password. */
export const credential = z
  .string({ error: "must be text" })
  .min(1, { error: "is empty: fill it in or leave it out" })
  // A line break would end the command that carries it, a NUL separates user and password in AUTH PLAIN (RFC 4616, section 2).
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  .refine((text) => !/[\x00-\x1f\x7f]/.test(text), { error: "holds a control character, such as a line break: remove it" });
