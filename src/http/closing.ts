// Ending in order: requests under way may end, connections that nothing happens on do not keep anybody waiting.
import type { App } from "./dependencies.ts";

/** Requests under way have so long to end. */
const graceMs = 10_000;
const sweepMs = 50;

/** Bounds how long `close` takes. */
export function closeInOrder(app: App): void {
  app.addHook("preClose", async () => {
    const { server } = app;
    // A connection whose answer ends only now becomes idle after the server has looked.
    const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
    const end = setTimeout(() => server.closeAllConnections(), graceMs);
    server.once("close", () => {
      clearInterval(sweep);
      clearTimeout(end);
    });
    if (!server.listening) {
      clearInterval(sweep);
      clearTimeout(end);
    }
  });
}
