// A lock between processes, for work that parallel test files would otherwise do twice (a build, a download).
import { createHash } from "node:crypto";
import { connect, createServer, type Server } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/**
 * Runs the task while no other process of this user runs one of the same name, and returns what it returns.
 * The lock is a listening socket: the kernel lets it go when its owner dies, so it is never stale.
 * (Where there are no abstract sockets, off Linux, it is a socket file; one that nobody answers on says so by an Error.)
 */
export async function oneAtATime<Value>(name: string, task: () => Promise<Value>): Promise<Value> {
  const id = `postern-test-${userInfo().uid}-${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;
  const path = process.platform === "linux" ? `\0${id}` : join(tmpdir(), `${id}.sock`);
  let held = await tryToListen(path);
  while (!held) {
    await untilReleased(path);
    held = await tryToListen(path);
  }
  const { server, release } = held;
  try {
    return await task();
  } finally {
    release();
    await new Promise((resolve) => server.close(resolve));
  }
}

function tryToListen(path: string): Promise<{ server: Server; release(): void } | undefined> {
  return new Promise((resolve, reject) => {
    const waiting = new Set<{ destroy(): unknown }>();
    const server = createServer((socket) => {
      waiting.add(socket);
      socket.on("error", () => {}).on("close", () => waiting.delete(socket));
    });
    const release = () => {
      for (const socket of waiting) socket.destroy();
    };
    server.once("error", (fault: NodeJS.ErrnoException) => (fault.code === "EADDRINUSE" ? resolve(undefined) : reject(fault)));
    server.listen(path, () => resolve({ server, release }));
  });
}

/** Resolves when the owner lets go or dies: either closes our connection to it. */
function untilReleased(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.on("error", (fault: NodeJS.ErrnoException) => {
      if (fault.code === "ECONNREFUSED" && !path.startsWith("\0")) reject(new Error(`stale lock: remove ${path}`, { cause: fault }));
      else resolve();
    });
    socket.on("close", () => resolve());
  });
}
