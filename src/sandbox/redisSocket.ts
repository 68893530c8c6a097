// The unix socket that the embedded Redis listens on: where it lies, and the few words that must be said to it without a client library.
import { createHash } from "node:crypto";
import { lstat, mkdir } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SandboxError } from "./sandboxError.ts";

/** A unix socket's path has 108 bytes on Linux (unix(7)) and 104 on macOS and the BSDs, the closing zero included. */
const socketPathBytesMax = 103;

/**
 * Where the socket of a Redis folder lies: in it, or, if that path is too long for a socket, in a private folder under the
 * system's temporary one, whose name follows from the Redis folder so that the next start finds a Redis that still runs.
 * @param redisFolder absolute, existing, private to this user
 * @throws SandboxError if the temporary folder's place is taken by somebody else
 */
export async function placeSocket(redisFolder: string): Promise<string> {
  const inFolder = join(redisFolder, "redis.sock");
  if (Buffer.byteLength(inFolder) <= socketPathBytesMax) return inFolder;
  const user = process.getuid?.() ?? 0;
  const digest = createHash("sha256").update(redisFolder).digest("hex").slice(0, 16);
  const name = `postern-${user}-${digest}`;
  const parent = Buffer.byteLength(join(tmpdir(), name, "redis.sock")) <= socketPathBytesMax ? tmpdir() : "/tmp";
  const folder = join(parent, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Anybody may write in the temporary folder: a link or a folder laid there by another user would hand them the socket.
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== user || (found.mode & 0o077) !== 0) {
    throw new SandboxError(
      `The path of the data folder is too long for Redis's socket, and ${folder}, which would hold it instead, is not a private folder of this user. ` +
        "Remove it, or set POSTERN_DATA_DIR to a shorter path.",
    );
  }
  return join(folder, "redis.sock");
}

/** What came of a question to the socket: an answer, nobody listening, or silence until the time limit. */
type Answer = { answer: string } | "nobody" | "silence";

/** Asks Redis one inline command (its protocol's form for people) and takes the first part of the answer. */
export async function askRedis(socketPath: string, command: string, timeoutMs: number): Promise<Answer> {
  return await new Promise((resolve) => {
    const socket = connect(socketPath);
    const finish = (result: Answer) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => finish("silence"), timeoutMs);
    socket.on("error", () => finish("nobody"));
    socket.on("close", () => finish("nobody"));
    socket.on("data", (chunk) => finish({ answer: chunk.toString("utf8") }));
    socket.write(`${command}\r\n`);
  });
}

/**
 * Waits for a Redis on this socket to end, as one does whose gateway was killed a moment ago.
 * @returns true when nobody listens any more, false when somebody still does at the end of the time
 */
export async function waitUntilNobodyListens(socketPath: string, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!(await nobodyListens(socketPath, deadline))) {
    if (Date.now() >= deadline) return false;
    await sleep(20);
  }
  return true;
}

/** Connects; while the other side is there it waits for it to hang up, which a Redis that ends does. */
async function nobodyListens(socketPath: string, deadline: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(socketPath);
    let code: string | undefined;
    const timer = setTimeout(() => socket.destroy(), Math.max(0, deadline - Date.now()));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(code === "ENOENT" || code === "ECONNREFUSED");
    });
  });
}
