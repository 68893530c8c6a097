// Reads a configuration from variables and files that exist only in the test.
import { type Config, type ConfigResult, type Role, readConfig } from "../../src/config.ts";

export type Given = {
  env?: Record<string, string>;
  yaml?: string;
  files?: Record<string, string>;
  /** Files that are there and may not be read. */
  locked?: string[];
  role?: Role;
  isTerminal?: boolean;
};

/** Reads as if in the directory /srv; `yaml` is ./postern.yaml there, `files` are further ones by absolute path. */
export function read({ env = {}, yaml, files = {}, locked = [], ...rest }: Given): ConfigResult {
  const all: Record<string, string> = { ...files, ...(yaml !== undefined && { "/srv/postern.yaml": yaml }) };
  const readFile = (path: string) => {
    if (locked.includes(path)) throw Object.assign(new Error(`EACCES: ${path}`), { code: "EACCES" });
    const text = all[path];
    if (text === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
    return text;
  };
  return readConfig({ env, cwd: "/srv", readFile, ...rest });
}

/** The configuration; throws with the faults if there are any. */
export function configOf(given: Given): Config {
  const result = read(given);
  if (!result.ok) throw new Error(result.faults.join("\n"));
  return result.config;
}

/** The faults' lines; none if the configuration is good. */
export function faultsOf(given: Given): string[] {
  const result = read(given);
  return result.ok ? [] : result.faults;
}

/** The warnings' lines of a configuration that is good. */
export function warningsOf(given: Given): string[] {
  const result = read(given);
  if (!result.ok) throw new Error(result.faults.join("\n"));
  return result.warnings;
}
