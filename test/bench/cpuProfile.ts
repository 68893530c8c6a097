// Reads what `node --cpu-prof` writes, and tells where a process's time went. V8 samples the clock, and a process that waits for its turn on a
// busy core is sampled as if it ran: shares are what a profile gives, and they are told as parts of the CPU time that the kernel counted.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sourceOf } from "../../src/telemetry/sourceMap.ts";

type ProfileNode = {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number };
  children?: number[];
};
/** Times in microseconds; `startTime` is of the machine's monotonic clock, which `process.hrtime` reads too. */
export type CpuProfile = { nodes: ProfileNode[]; samples: number[]; timeDeltas: number[]; startTime: number };
/** From and to, in microseconds of that clock. */
export type Span = readonly [number, number];

const shown = 15;
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Now, by the clock of profiles. */
export function profileClockUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** The profile of a process's main thread: `CPU.<date>.<time>.<pid>.<thread>.<number>.cpuprofile`, thread 0. */
export async function readProfile(folder: string, pid: number): Promise<CpuProfile> {
  const file = (await readdir(folder)).find((name) => name.split(".")[3] === String(pid) && name.split(".")[4] === "0");
  if (file === undefined) throw new Error(`process ${pid} wrote no profile`);
  return JSON.parse(await readFile(join(folder, file), "utf8")) as CpuProfile;
}

type Place = { name: string; owner: string };

/** What a function is called, and the room, package or part of Node that it belongs to. */
function placeOf({ callFrame: { functionName, url, lineNumber, columnNumber } }: ProfileNode): Place {
  if (url === "" && functionName === "") return { name: "(compiled at run time)", owner: "(compiled at run time)" };
  if (url === "") return { name: functionName, owner: functionName.startsWith("(") ? functionName : "node, native" };
  // The product is bundled: its chunks are told by what is in them.
  const source = url.startsWith("file:") ? sourceOf(url, lineNumber + 1, columnNumber + 1) : undefined;
  const { path: found, line } = source ?? { path: url.replace("file://", "").replace(root, ""), line: lineNumber + 1 };
  const path = found.replace(/^.*node_modules\//, "");
  const name = `${functionName || "(anonymous)"} ${path}:${line}`;
  if (path.startsWith("node:")) return { name, owner: path };
  const [first = "", second = ""] = path.split("/");
  if (first === "src") return { name, owner: `ours: ${second.replace(/\.ts$/, "")}` };
  return { name, owner: first.startsWith("@") ? `${first}/${second}` : first };
}

/** Microseconds of self time within the span, by function, by owner, and by the nearest function of ours that had called for it. */
function timesOf({ nodes, samples, timeDeltas, startTime }: CpuProfile, [from, to]: Span) {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const places = new Map(nodes.map((node) => [node.id, placeOf(node)]));
  const callerOf = (id: number): string => {
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const place = places.get(at);
      if (place?.owner.startsWith("ours")) return place.name;
    }
    const place = places.get(id);
    return place?.name.startsWith("(") ? place.name : "(none of ours: sockets, timers, libraries' own turns)";
  };
  const [byFunction, byOwner, byCaller] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
  const add = (times: Map<string, number>, name: string, us: number) => void times.set(name, (times.get(name) ?? 0) + us);
  let at = startTime;
  for (const [index, sample] of samples.entries()) {
    const us = timeDeltas[index] ?? 0;
    at += us;
    const place = places.get(sample);
    if (!place || place.name === "(idle)" || at < from || at > to) continue;
    add(byFunction, place.name, us);
    add(byOwner, place.owner, us);
    add(byCaller, callerOf(sample), us);
  }
  return { byFunction, byOwner, byCaller };
}

/**
 * The tables of one process.
 * @param cpuUs what the kernel counted for a message, which the shares are parts of
 */
export function tellProfile(profile: CpuProfile, span: Span, cpuUs: number): string {
  const { byFunction, byOwner, byCaller } = timesOf(profile, span);
  const total = [...byFunction.values()].reduce((sum, us) => sum + us, 0);
  const top = (times: Map<string, number>) =>
    [...times]
      .toSorted(([, one], [, other]) => other - one)
      .slice(0, shown)
      .map(([name, us]) => `${((us / total) * cpuUs).toFixed(1).padStart(8)}  ${name}`);
  return [
    ...["by function, self time:", ...top(byFunction)],
    ...["by room and package, self time:", ...top(byOwner)],
    ...["by the nearest function of ours, with what it calls of others:", ...top(byCaller)],
  ].join("\n");
}
