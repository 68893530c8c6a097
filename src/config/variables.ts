// The environment: every variable with its schema, each with a `_FILE` twin that names a file to read the value from.
import { z } from "zod";
import type { ConfigFault } from "./faults.ts";
import { type Fields, readFields, type Tree } from "./fields.ts";
import { tracingVariables } from "./tracing.ts";
import { apiUrl, domain, duration, flag, host, oneOf, publicUrl, scalar, size, wholeNumber } from "./values.ts";

export const roles = ["all", "api", "worker"] as const;
export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export const logFormats = ["pretty", "json"] as const;

const anyPort = wholeNumber({ min: 0, max: 65_535 });
/** Taken apart later, because faults inside of them have places of their own. */
const text = z.string();
/** Redis keeps a message in memory several times while it is accepted; and one value of it holds 512 MB at most. */
const mailSize = size({ min: 1024, max: 256 * 1024 ** 2 });
/** What can travel in an Authorization header (RFC 9110, section 5.5); spaces at its ends would be trimmed. */
const apiKey = z
  .string()
  .min(32, { error: "must have 32 characters or more: make one with openssl rand -hex 32" })
  .regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, {
    error: "must be printable ASCII without spaces at its ends: make one with openssl rand -hex 32",
  });

/** One or more, the newest first; separated by commas or line breaks, so that a mounted file may hold one a line. */
const secrets = z.string().transform((text, context): string[] => {
  const given = text.split(/[,\r\n]/).map((secret) => secret.trim());
  const found = given.filter((secret) => secret !== "");
  if (found.length > 0 && found.every((secret) => secret.length >= 32)) return [...new Set(found)];
  context.addIssue({
    code: "custom",
    message: "must be one or more secrets of 32 characters or more, separated by commas: make one with openssl rand -hex 32",
  });
  return z.NEVER;
});
const pem = (what: string) =>
  z.string().regex(/^\s*-----BEGIN [A-Z ]+-----/, { error: `must be ${what} in PEM: name its file by the variable's _FILE twin` });

const variables = {
  HOST: host,
  PORT: anyPort,
  METRICS_PORT: anyPort,
  REDIS_URL: text,
  SMTP_URL: text,
  POSTERN_CONFIG: scalar("a path", (path) => path),
  POSTERN_SANDBOX: flag,
  POSTERN_ROLE: oneOf(roles),
  POSTERN_API_KEY: apiKey,
  POSTERN_URL: apiUrl,
  POSTERN_DATA_DIR: scalar("a path", (path) => path),
  POSTERN_EMBEDDED_REDIS: flag,
  PUBLIC_URL: publicUrl,
  UNSUBSCRIBE_SECRETS: secrets,
  RETURN_PATH_DOMAIN: domain,
  RETURN_PATH_SECRETS: secrets,
  BOUNCE_HOST: host,
  BOUNCE_PORT: anyPort,
  BOUNCE_TLS_CERT: pem("a certificate"),
  BOUNCE_TLS_KEY: pem("a private key"),
  LOG_LEVEL: oneOf(logLevels),
  LOG_FORMAT: oneOf(logFormats),
  MESSAGE_RETENTION: duration({ minMs: 1 }),
  CONTENT_RETENTION: duration(),
  FAILED_CONTENT_RETENTION: duration(),
  MAX_MESSAGE_SIZE: mailSize,
  MAX_BATCH_SIZE: mailSize,
  ...tracingVariables,
};

export type VariableName = keyof typeof variables;

export const variableNames = Object.keys(variables) as VariableName[];

export type Environment = Readonly<Record<string, string | undefined>>;

export type Variables = {
  /** What was set and readable. */
  values: Fields<typeof variables>;
  /** The names that are set, faulty values included. An empty value counts as not set, as Compose files leave behind. */
  set: ReadonlySet<VariableName>;
  /** The variable that a value came from: the name itself or its `_FILE` twin. */
  sourceOf: (name: VariableName) => string;
  /** Any variable's value or its `_FILE` twin's content, for the file's `${NAME}`. */
  lookUp: (name: string) => string | undefined;
};

/** Returns a path's text; throws as `fs` does. */
export type ReadFile = (path: string) => string;

const readingFaults: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission is denied; let the user that Postern runs as read it",
  EISDIR: "it is a directory",
};

/** A file's text, or in a few words why there is none. The path is not repeated: it may be a secret put into the wrong variable. */
export function readText(path: string, readFile: ReadFile): { text: string } | { fault: string; missing: boolean } {
  try {
    return { text: readFile(path) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    return { fault: readingFaults[code] ?? (code || "reading failed"), missing: code === "ENOENT" };
  }
}

/** The content of a `_FILE` twin's file, without the newline that editors leave at its end. */
export function contentOf(path: string, readFile: ReadFile): { text: string } | { fault: string } {
  const content = readText(path, readFile);
  return "text" in content ? { text: content.text.replace(/\r?\n$/, "") } : content;
}

/** Reads all variables, adding every fault. `readFile` takes a path as a variable gives it. */
export function readVariables(env: Environment, readFile: ReadFile, faults: ConfigFault[]): Variables {
  const sourceOf = (name: VariableName) => (env[name] || !env[`${name}_FILE`] ? name : `${name}_FILE`);
  const tree = new Map<string, Tree>();
  for (const name of variableNames) {
    const direct = env[name];
    const path = env[`${name}_FILE`];
    const complain = (text: string) => void faults.push({ source: sourceOf(name), path: "", text });
    if (direct && path) complain(`${name}_FILE is set too: keep one of the two`);
    else if (direct) tree.set(name, direct);
    else if (path) {
      const content = contentOf(path, readFile);
      if ("fault" in content) complain(`the file that it names cannot be read: ${content.fault}`);
      else if (content.text === "") complain("the file that it names is empty: fill it, or unset the variable");
      else tree.set(name, content.text);
    }
  }
  const place = (name: string) => ({ source: sourceOf(name as VariableName), path: "" });
  return {
    values: readFields({ shape: variables, tree, at: { source: "", path: "" }, faults, place }),
    set: new Set(variableNames.filter((name) => env[name] || env[`${name}_FILE`])),
    sourceOf,
    lookUp: (name) => {
      // The file may name anything, so what every object inherits (`constructor`) must not count as set.
      const direct = Object.hasOwn(env, name) ? env[name] : undefined;
      const path = env[`${name}_FILE`];
      if (direct !== undefined || !path) return direct;
      const content = contentOf(path, readFile);
      return "text" in content ? content.text : undefined;
    },
  };
}
