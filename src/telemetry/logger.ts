// The one logger: JSON lines, or pretty ones on a terminal. Secrets, addresses' content and bodies never go in.
import { type DestinationStream, type Logger, pino } from "pino";
import { prettyFactory } from "pino-pretty";
import { inSources } from "./sourceMap.ts";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error"> & { child(bindings: Record<string, unknown>): Log };

/** Fields whose values are never written, at any depth. Compared in lower case, without dashes and underscores. */
const secretNames = new Set([
  "authorization",
  "proxyauthorization",
  "cookie",
  "setcookie",
  "password",
  "pass",
  "secret",
  "clientsecret",
  "apikey",
  "xapikey",
  "key",
  "privatekey",
  "token",
  "accesstoken",
]);
const depthMax = 6;

/**
 * What is written of an error: no fields of its own but `code`, because clients hang whole commands, message bodies included, on theirs.
 * Causes and the errors of an AggregateError are followed.
 */
function describeError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  const code: unknown = "code" in error ? error.code : undefined;
  const inner = error instanceof AggregateError ? error.errors : undefined;
  return {
    type: name,
    message,
    ...((typeof code === "string" || typeof code === "number") && { code }),
    ...(typeof stack === "string" && { stack: inSources(stack) }),
    ...(cause !== undefined && { cause: writable(cause, depth + 1) }),
    ...(inner && { errors: writable(inner, depth + 1) }),
  };
}

/** A copy of plain data in which secrets are masked and errors described. Other objects are left to the serializers. */
function writable(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth > depthMax) return "[too deep]";
  if (value instanceof Error) return describeError(value, depth);
  if (Array.isArray(value)) return value.map((item) => writable(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? writableFields(value as Record<string, unknown>, depth) : value;
}

function writableFields(fields: Record<string, unknown>, depth = 0): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    copy[name] = secretNames.has(name.toLowerCase().replace(/[-_]/g, "")) ? "[redacted]" : writable(value, depth + 1);
  }
  return copy;
}

/**
 * Makes the process's logger. Times are ISO 8601 in UTC, levels are words, an error under any key is written with its causes.
 * Secret fields are masked here and not by pino's own redaction, whose wildcards cost several times the line itself.
 * @param format pretty lines are written synchronously by this thread: none is lost when the process ends
 * @param destination standard output if absent
 */
export function createLogger({
  level,
  format,
  destination,
}: {
  level: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
  format: "pretty" | "json";
  destination?: DestinationStream;
}): Logger {
  const sink = destination ?? pino.destination({ sync: true });
  // Its stream would be asynchronous in the middle, so only the formatter of pino-pretty is used. Colours are for terminals alone.
  const prettify = prettyFactory({ ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l", ...(destination && { colorize: false }) });
  const stream = format === "pretty" ? { write: (line: string) => sink.write(prettify(line)) } : sink;
  const root = pino(
    {
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      // Errors are described by the formatter; pino's own serializer would take the description for an error and drop its causes.
      serializers: { err: (described: unknown) => described },
      formatters: { level: (label) => ({ level: label }), log: writableFields },
    },
    stream,
  );
  // Children inherit this method from the root. pino hands what is bound to a child to no formatter, so it is masked on its way in.
  const bare = root.child;
  root.child = function child(this: Logger, bindings: object, options?: object) {
    return bare.call(this, writableFields({ ...bindings }), options as never);
  } as typeof bare;
  return root;
}
