// A TCP port for servers that cannot listen on port 0 and tell which one they got, or that must come back on the same one.
import { randomInt } from "node:crypto";
import { connect, createServer } from "node:net";

/**
 * A loopback port that nobody listens on now. It lies below the kernel's range for outgoing connections (from 32768 on Linux):
 * a client that keeps knocking while the server is away could otherwise be given that very port for itself.
 * Nothing reserves it; among twelve thousand, two test files hardly ever draw the same one in the same moment.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once("error", () => resolve(false));
      probe.listen({ host: "127.0.0.1", port, exclusive: true }, () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** Whether somebody accepts connections on this loopback port. The connection is closed at once. */
export function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
