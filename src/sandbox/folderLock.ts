// A lock on a folder that outlives no process: held by a living one it refuses, left by a dead one it is taken over.
// Node has no flock(2), so the lock is a file that names its owner, made and replaced by single atomic steps.
import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { runProgram } from "./runProgram.ts";

export type FolderLock = { release(): Promise<void> };

/** `birth` tells a process from a later one with the same id; null where the system does not say. `token` is this lock's alone. */
type Owner = { pid: number; birth: string | null; token: string };

/**
 * Takes the lock, or tells who holds it.
 * @param lockFile its path; the folder must exist and be of a file system with hard links
 * @returns the lock, or the id of the living process that holds it
 */
export async function takeLock(lockFile: string): Promise<{ lock: FolderLock } | { heldBy: number }> {
  const mine: Owner = { pid: process.pid, birth: await birthOf(process.pid), token: randomUUID() };
  const draft = `${lockFile}.${mine.token}`;
  await writeFile(draft, JSON.stringify(mine), { flag: "wx", mode: 0o600 });
  const lock = { release: async () => await release(lockFile, mine.token) };
  try {
    while (true) {
      // A link appears with its content and fails where the name is taken: nobody ever sees a lock without an owner.
      if (await linked(draft, lockFile)) return { lock };
      const owner = await ownerOf(lockFile);
      if (!owner) continue;
      if (await isAlive(owner)) return { heldBy: owner.pid };

      // Of several that find the same dead owner, one may replace the lock: who holds the lock on *that owner's* takeover.
      // The others find another token afterwards, and judge anew.
      const takeover = await takeLock(`${lockFile}.${owner.token}.takeover`);
      if ("heldBy" in takeover) return takeover;
      try {
        if ((await ownerOf(lockFile))?.token !== owner.token) continue;
        await rename(draft, lockFile);
        return { lock };
      } finally {
        await takeover.lock.release();
      }
    }
  } finally {
    await rm(draft, { force: true });
  }
}

async function release(lockFile: string, token: string): Promise<void> {
  if ((await ownerOf(lockFile))?.token === token) await rm(lockFile, { force: true });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Undefined if there is no lock. One that cannot be read (cut off by a power failure) has an owner that is not alive. */
async function ownerOf(lockFile: string): Promise<Owner | undefined> {
  let text: string;
  try {
    text = await readFile(lockFile, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const nobody: Owner = { pid: 0, birth: null, token: "unreadable" };
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null;
    if (!Number.isSafeInteger(owner?.pid) || !/^[0-9a-f-]{36}$/.test(owner?.token ?? "")) return nobody;
    return { pid: owner?.pid ?? 0, birth: owner?.birth ?? null, token: owner?.token ?? "" };
  } catch {
    return nobody;
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  if (owner.pid <= 0) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const birth = await birthOf(owner.pid);
  return birth === "ended" ? false : birth === null || owner.birth === null || birth === owner.birth;
}

/**
 * When a process began, as a string that only it has; "ended" for one that is dead but not yet waited for; null if unknown.
 * On Linux: the boot's id and the start in clock ticks since then (proc(5), fields 3 and 22 of /proc/pid/stat).
 */
async function birthOf(pid: number): Promise<string | null> {
  if (process.platform !== "linux") {
    // The start is printed as local time; without a zone of its own it would change with summer time.
    const { ok, stdout } = await runProgram("ps", ["-o", "stat=", "-o", "lstart=", "-p", String(pid)], {
      variables: { TZ: "UTC" },
      timeoutMs: 5_000,
    });
    const [state, ...start] = stdout.trim().split(/\s+/);
    if (!ok || !state) return null;
    return state.startsWith("Z") ? "ended" : start.join(" ");
  }
  try {
    const status = await readFile(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in brackets, and may itself hold brackets and blanks.
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return "ended";
    return `${(await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim()}:${fields[19]}`;
  } catch {
    return null;
  }
}
