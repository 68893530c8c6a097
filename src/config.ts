// The configuration: the only reader of process.env and of the YAML file. Every fault is reported at once, and no value is ever quoted.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { assemble } from "./config/assemble.ts";
import type { Config, Role } from "./config/effective.ts";
import { type ConfigFault, faultLine, isWithin } from "./config/faults.ts";
import { readTree } from "./config/file.ts";
import { readRedisUrl } from "./config/redis.ts";
import { readSmtpUrl } from "./config/relays.ts";
import { routeWarnings } from "./config/routes.ts";
import { readSections } from "./config/sections.ts";
import { type Environment, readText, readVariables, type Variables } from "./config/variables.ts";

export type { Config, Role } from "./config/effective.ts";

/**
 * Each fault is one readable line: the variable or the file and the key, what is wrong, the way out. A warning is one too, of something
 * that is allowed but can hardly be meant.
 */
export type ConfigResult = { ok: true; config: Config; warnings: string[] } | { ok: false; faults: string[] };

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}

/** The YAML file's text and the name to call it by: the file that POSTERN_CONFIG names, else ./postern.yaml if it is there. */
function readFileText(
  variables: Variables,
  readFile: (path: string) => string,
  faults: ConfigFault[],
): { source: string; text: string } | "unreadable" {
  const named = variables.values.POSTERN_CONFIG;
  if (named === undefined && variables.set.has("POSTERN_CONFIG")) return "unreadable";
  const source = named ?? "postern.yaml";
  const content = readText(source, readFile);
  if ("text" in content) return { source, text: content.text };
  if (named === undefined && content.missing) return { source, text: "" };
  const at = { source: named === undefined ? source : variables.sourceOf("POSTERN_CONFIG"), path: "" };
  faults.push({ ...at, text: `${named === undefined ? "" : "the file that it names "}cannot be read: ${content.fault}` });
  return "unreadable";
}

/**
 * Reads the whole configuration.
 * @param env the environment; PATH and NODE_ENV are read from it too
 * @param cwd what relative paths start from
 * @param isTerminal whether standard output is a terminal: decides the default of LOG_FORMAT
 * @param role from the command line; wins over POSTERN_ROLE
 * @param readFile returns an absolute path's text; throws as `fs` does
 * @returns the effective configuration, frozen, or every fault of it
 */
export function readConfig({
  env = process.env,
  cwd = process.cwd(),
  isTerminal = false,
  role,
  readFile = (path) => readFileSync(path, "utf8"),
}: {
  env?: Environment;
  cwd?: string;
  isTerminal?: boolean;
  role?: Role;
  readFile?: (path: string) => string;
} = {}): ConfigResult {
  const faults: ConfigFault[] = [];
  const readHere = (path: string) => readFile(resolve(cwd, path));
  const variables = readVariables(env, readHere, faults);
  const { SMTP_URL, REDIS_URL } = variables.values;
  const redisTarget = REDIS_URL === undefined ? undefined : readRedisUrl(REDIS_URL, variables.sourceOf("REDIS_URL"), faults);
  const smtpRelay = SMTP_URL === undefined ? undefined : readSmtpUrl(SMTP_URL, variables.sourceOf("SMTP_URL"), faults, readHere);

  const file = readFileText(variables, readHere, faults);
  const valueFaults: ConfigFault[] = [];
  const tree = file === "unreadable" ? undefined : readTree({ ...file, variable: variables.lookUp, faults, valueFaults });
  const sectionFaults: ConfigFault[] = [];
  const sections = file === "unreadable" || !tree ? undefined : readSections(tree, file.source, sectionFaults, readHere);
  faults.push(...valueFaults, ...sectionFaults.filter((fault) => !valueFaults.some((unread) => isWithin(fault, unread))));

  const config = assemble({ env, cwd, isTerminal, role, variables, sections, redisTarget, smtpRelay, faults });
  if (faults.length > 0) return { ok: false, faults: faults.map(faultLine) };
  const warnings =
    sections && file !== "unreadable" ? routeWarnings(sections.routes, sections.relayNames, { source: file.source, path: "" }) : [];
  return { ok: true, config: deepFreeze(config), warnings: warnings.map(faultLine) };
}

/** Where a command finds the API, and the key that it shows; `isLocal`: nobody said where, so that it is the gateway of this folder. */
export type RemoteConfig = { url: string; isLocal: boolean; apiKey: string | undefined; dataDir: string };

/**
 * Reads what commands need that talk to a running gateway; whatever else the environment holds is none of their business.
 * @returns every fault as one readable line
 */
export function readRemoteConfig({
  env = process.env,
  cwd = process.cwd(),
}: {
  env?: Environment;
  cwd?: string;
} = {}): { ok: true; remote: RemoteConfig } | { ok: false; faults: string[] } {
  const faults: ConfigFault[] = [];
  const { values, sourceOf } = readVariables(env, (path) => readFileSync(resolve(cwd, path), "utf8"), faults);
  const needed = (["POSTERN_URL", "POSTERN_API_KEY", "PORT", "POSTERN_DATA_DIR"] as const).map(sourceOf);
  const relevant = faults.filter(({ source }) => needed.includes(source));
  if (relevant.length > 0) return { ok: false, faults: relevant.map(faultLine) };
  const { POSTERN_URL, POSTERN_API_KEY, POSTERN_DATA_DIR, PORT } = values;
  return {
    ok: true,
    remote: {
      url: POSTERN_URL ?? `http://127.0.0.1:${PORT || 8080}`,
      isLocal: POSTERN_URL === undefined,
      apiKey: POSTERN_API_KEY,
      dataDir: resolve(cwd, POSTERN_DATA_DIR ?? ".postern"),
    },
  };
}
