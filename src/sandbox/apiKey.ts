// The sandbox's API key: made once, kept in the data folder, so that what was pasted yesterday works today.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const keyPattern = /^[\x21-\x7e]{32,256}$/;

const fileIn = (folder: string) => join(folder, "api-key");

/** The key in `folder`, if a sandbox has made one there. */
export async function keptSandboxApiKey(folder: string): Promise<string | undefined> {
  const kept = (await readFile(fileIn(folder), "utf8").catch(() => "")).trim();
  return keyPattern.test(kept) ? kept : undefined;
}

/** The key in `folder`, made if there is none that can be used. Readable by its owner alone. */
export async function sandboxApiKey(folder: string): Promise<string> {
  const kept = await keptSandboxApiKey(folder);
  if (kept !== undefined) return kept;
  const key = `sandbox_${randomBytes(24).toString("hex")}`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(fileIn(folder), `${key}\n`, { mode: 0o600 });
  return key;
}
