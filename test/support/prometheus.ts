// A Prometheus of one's own, as a process: it scrapes what the configuration names, and answers queries.
import { copyFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { freePort } from "./freePort.ts";
import { startProcess } from "./process.ts";
import { temporaryFolder } from "./temporaryFolder.ts";
import { waitFor } from "./waitFor.ts";

export type Sample = { metric: Record<string, string>; value: number };

export type Prometheus = {
  /** What an instant query gives now. @throws Error with Prometheus' words if it does not take the query */
  query(expression: string): Promise<Sample[]>;
  /** Every rule with how its last evaluation went: `ok`, `err` or `unknown`. */
  rules(): Promise<{ name: string; health: string; lastError?: string }[]>;
  stop(): Promise<void>;
};

/**
 * Starts Debian's `prometheus` on a free loopback port, with its data in a temporary folder.
 * @param options.config its configuration; names of files in it are looked for beside it
 * @param options.files paths of files that are copied there
 * @throws Error with its log if it does not get ready
 */
export async function startPrometheus(options: { config: string; files?: string[] }): Promise<Prometheus> {
  const folder = await temporaryFolder({ name: "prometheus" });
  await writeFile(join(folder.path, "prometheus.yml"), options.config);
  for (const file of options.files ?? []) await copyFile(file, join(folder.path, basename(file)));
  const port = await freePort();
  const program = await startProcess({
    command: "/usr/bin/prometheus",
    args: [
      `--config.file=${join(folder.path, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder.path, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=warn",
    ],
    cwd: folder.path,
    removeOnDeath: folder.path,
  });
  const stop = async () => {
    await program.stop(2_000);
    await folder.remove();
  };

  async function ask<Data>(path: string): Promise<Data> {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(10_000) });
    const { status, error, data } = (await response.json()) as { status: string; error?: string; data: Data };
    if (status !== "success") throw new Error(`Prometheus refused ${path}: ${error}`);
    return data;
  }

  const ready = async () => {
    const end = program.exitStatus();
    if (end) return end;
    return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok || undefined;
  };
  const found = await waitFor(ready, { what: "Prometheus to be ready", timeoutMs: 60_000 }).catch(async (cause: Error) => {
    await stop();
    throw cause;
  });
  if (found !== true) {
    await stop();
    throw new Error(`Prometheus ended before it was ready\n${program.lines().join("\n")}`);
  }
  return {
    async query(expression) {
      type Result = { result: { metric: Record<string, string>; value: [number, string] }[] };
      const { result } = await ask<Result>(`/api/v1/query?query=${encodeURIComponent(expression)}`);
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    async rules() {
      type Result = { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
      return (await ask<Result>("/api/v1/rules")).groups.flatMap((group) => group.rules);
    },
    stop,
  };
}
