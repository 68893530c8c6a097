// The way to a relay that is not next door: a TCP proxy in a process of its own, so that its cost is nobody's. It holds back every byte for
// half a round trip in each direction, or takes TLS off. Run by `startWorkshop`.
import { connect, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { serveOrders } from "./workshop.ts";

export type WireOrder = { targetPort: number; roundTripMs?: number; tls?: { key: string; cert: string } };

/** What comes out is what came in, in order, so much later. */
function passOn(from: Socket, to: Socket, delayMs: number): void {
  from.setNoDelay(true);
  if (delayMs === 0) {
    from.on("data", (chunk) => void to.write(chunk));
    from.on("close", () => to.destroy());
  } else {
    from.on("data", (chunk) => void setTimeout(() => to.write(chunk), delayMs));
    from.on("close", () => void setTimeout(() => to.destroy(), delayMs));
  }
  from.on("error", () => from.destroy());
}

serveOrders<WireOrder, { port: number }>(async ({ targetPort, roundTripMs = 0, tls }) => {
  const join = (client: Socket) => {
    const target = connect({ host: "127.0.0.1", port: targetPort });
    passOn(client, target, roundTripMs / 2);
    passOn(target, client, roundTripMs / 2);
  };
  const server = tls ? createTlsServer(tls, join) : createServer(join);
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0 }, resolve));
  return { port: (server.address() as { port: number }).port };
});
