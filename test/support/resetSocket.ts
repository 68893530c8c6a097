// A TCP reset, for servers and proxies that break off.
import type { Socket } from "node:net";

/** Resets a connection. One whose end is on its way is closed: libuv refuses to reset that, and Node 20 then never closes it, and spins at its exit. */
export function resetSocket(socket: Socket | null | undefined): void {
  if (socket?.writableEnded) socket.destroy();
  else socket?.resetAndDestroy();
}
