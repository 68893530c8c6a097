// What a connection may cost: how many there are at a time, how long requests may be on their way in, and answers on their way out.
import type { App } from "./dependencies.ts";

/** All in milliseconds. */
export type ConnectionTimeouts = {
  headers: number;
  /** Until all of a request has arrived. */
  request: number;
  /** Without a byte in either direction. */
  silence: number;
  keepAlive: number;
  /** How often the first two are looked at. */
  check: number;
  /** Until all of an answer is taken. */
  answer: number;
};

export const connectionTimeouts: ConnectionTimeouts = {
  headers: 15_000,
  /** 35 MB of base64 at 2.5 Mbit/s. */
  request: 120_000,
  /** Longer than an event stream's heartbeat and than a load balancer's own limit of usually 60 s. */
  silence: 75_000,
  keepAlive: 65_000,
  check: 2_000,
  /** The content of a large message at 1 Mbit/s. */
  answer: 300_000,
};

/** Operations whose answer has no end, or is made as it is taken. */
const endless = new Set(["streamEvents", "exportSuppressions"]);

/**
 * Bounds connections and answers. One connection too many is closed at once: it cost nothing yet, and its client tries another process.
 * @param observeDropped told of each
 */
export function limitConnections(app: App, limits: { connections: number; answerMs: number; observeDropped(): void }): void {
  app.server.maxConnections = limits.connections;
  app.server.on("drop", limits.observeDropped);
  app.addHook("onSend", (request, reply, _payload, done) => {
    // The caller may be gone already; nothing would tell of its end again.
    if (reply.raw.closed) return done();
    if (reply.statusCode < 400 && endless.has(request.routeOptions.schema?.operationId ?? "")) return done();
    // Who takes a byte now and then is never silent, and would keep the whole answer in memory for as long as it likes.
    const timer = setTimeout(() => reply.raw.destroy(), limits.answerMs);
    reply.raw.once("close", () => clearTimeout(timer));
    done();
  });
}
