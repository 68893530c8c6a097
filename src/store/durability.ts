// Whether Redis keeps what it has acknowledged: asked at start, said loudly, shown on /readyz.
import type { Connection } from "./connection.ts";

/** `durable`: every write is on disk before its answer. `weak`: named in `problems`. `unknown`: this Redis does not tell. */
export type Durability = { kind: "durable" | "weak" | "unknown"; problems: string[] };

/** Reads the settings that decide about durability. Rejects only while Redis is away. */
export async function checkDurability({ redis }: Connection): Promise<Durability> {
  const settings = await readSettings(redis);
  if (!settings)
    return { kind: "unknown", problems: ["This Redis does not tell its settings (CONFIG is refused); its durability is unknown"] };
  const problems: string[] = [];
  if (settings.appendonly !== "yes") problems.push("appendonly is off: a restart of Redis loses mail that was acknowledged");
  else if (settings.appendfsync !== "always") {
    problems.push(`appendfsync is ${settings.appendfsync}: a crash may lose up to a second of acknowledged mail`);
  }
  const policy = settings["maxmemory-policy"];
  if (policy !== undefined && policy !== "noeviction")
    problems.push(`maxmemory-policy is ${policy}: Redis may throw mail away; use noeviction`);
  return { kind: problems.length === 0 ? "durable" : "weak", problems };
}

async function readSettings(redis: Connection["redis"]): Promise<Record<string, string> | undefined> {
  try {
    const flat = (await redis.config("GET", "append*", "maxmemory-policy")) as string[];
    return Object.fromEntries(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? ""]] : [])));
  } catch (error) {
    // Managed services rename or forbid CONFIG; an older Redis takes one pattern only.
    if (error instanceof Error && error.name === "ReplyError") return undefined;
    throw error;
  }
}
