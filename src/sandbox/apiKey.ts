// The sandbox's API key: made once, kept in the data folder, so that what was pasted yesterday works today.
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const keyPattern = /^[\x21-\x7e]{32,256}$/;

/** The key in `folder`, made if there is none that can be used. Readable by its owner alone. */
export async function sandboxApiKey(folder: string): Promise<string> {
  const file = join(folder, "api-key");
  const kept = await readFile(file, "utf8").catch(() => "");
  if (keyPattern.test(kept.trim())) return kept.trim();
  const key = `sandbox_${randomBytes(24).toString("hex")}`;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  return key;
}
