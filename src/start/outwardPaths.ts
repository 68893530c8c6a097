// Where mail goes: the configured relays, or in the sandbox the capture relay.
import { join } from "node:path";
import type { Config } from "../config.ts";
import type { RelayConfig } from "../domain/relay.ts";
import type { Route } from "../domain/routes.ts";
import { type CaptureRelay, startCaptureRelay } from "../sandbox/captureRelay.ts";
import type { Log } from "../telemetry/logger.ts";
import { createReportSender } from "./reportSender.ts";
import type { OnStop } from "./unwinding.ts";

export type OutwardPaths = {
  relays: readonly RelayConfig[];
  routes: readonly Route[];
  captured?: CaptureRelay;
  /** Tells the sandbox where reports are listened for. */
  reportTo(listener: { host: string; port: number }): void;
};

/** What choosing a relay goes by. */
export function routingOf({ relays, routes }: OutwardPaths) {
  const limits = new Map(relays.map((relay) => [relay.name, relay.limits]));
  return { routes, relays: [...limits.keys()], limitsOf: (relay: string) => limits.get(relay) };
}

const captureRelayName = "sandbox";
const captureDomain = "sandbox.test";
const captureConnections = 10;

/**
 * Relays and routes as they are used; starts the capture relay where the sandbox is on. It takes all mail where there is no other relay,
 * and beside configured ones what goes to the sandbox's own addresses.
 */
export async function openOutwardPaths(config: Config, log: Log, onStop: OnStop): Promise<OutwardPaths> {
  const { relays, routes } = config;
  if (!config.sandbox) return { relays, routes, reportTo: () => undefined };
  const reporter = createReportSender(config.timeouts, log);
  const folder = join(config.dataDir, "captured");
  const captured = await startCaptureRelay({ folder, log, domain: captureDomain, sendReport: reporter.send });
  onStop(() => captured.stop());
  onStop(() => reporter.stop());
  const { host, port } = captured;
  const capture: RelayConfig = {
    name: captureRelayName,
    host,
    port,
    tls: "none",
    verifyCertificate: true,
    connections: captureConnections,
  };
  const rule: Route = relays.length > 0 ? { to_domain: captureDomain, relays: [captureRelayName] } : { relays: [captureRelayName] };
  return {
    relays: [...relays.filter(({ name }) => name !== captureRelayName), capture],
    routes: [rule, ...routes],
    captured,
    reportTo: reporter.open,
  };
}
