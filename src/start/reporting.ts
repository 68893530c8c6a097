// What reports need in every role: return paths are made where mail is accepted, and read where reports come in, by SMTP or HTTP.
import { createAddressees } from "../bounces/addressees.ts";
import { tenantOfReturnPath } from "../bounces/findMessage.ts";
import { createIntake, type Intake } from "../bounces/intake.ts";
import { type Listener, startListener } from "../bounces/listener.ts";
import { createParser } from "../bounces/parser.ts";
import { createNotifications } from "../bounces/providers/notifications.ts";
import type { FetchFromSns } from "../bounces/providers/snsSignature.ts";
import type { Config } from "../config.ts";
import { readReturnPath, returnPathKey, returnPathMaker } from "../domain/returnPath.ts";
import type { ApiKeys } from "../store/apiKeys.ts";
import type { Connection } from "../store/connection.ts";
import { createMailgunTokens } from "../store/mailgunTokens.ts";
import type { Messages } from "../store/messages.ts";
import { createReported } from "../store/reported.ts";
import { createReports } from "../store/reports.ts";
import { keptReturnPathSecret } from "../store/returnPathSecret.ts";
import type { Log } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { OnStop } from "./unwinding.ts";

type Needs = {
  config: Pick<Config, "retention" | "returnPathDomain" | "returnPathSecrets" | "suppression" | "inbound"> & {
    timeouts: Pick<Config["timeouts"], "ownerLease">;
  };
  connection: Connection;
  messages: Messages;
  apiKeys: ApiKeys;
  metrics: Pick<Metrics, "reports" | "notifications">;
  log: Log;
  /** What is asked of Amazon SNS's endpoints. */
  fetchFromSns: FetchFromSns;
};

/** Opens the intake, which takes in what it is given, and the return paths. Rejects while Redis is away. */
export async function openReporting({ config, connection, messages, apiKeys, metrics, log, fetchFromSns }: Needs, onStop: OnStop) {
  const { clock } = connection;
  const { retention, returnPathDomain } = config;
  // The kept one reads on where secrets were configured later.
  const keys = [...(config.returnPathSecrets ?? []), await keptReturnPathSecret(connection)].map(returnPathKey);
  const [key = returnPathKey("")] = keys;
  const read = (localPart: string) => readReturnPath(keys, localPart, clock.now());
  const reports = createReports(connection, { retentionMs: retention.messageMs, readContentMs: retention.failedContentMs });
  const parser = createParser();
  onStop(() => parser.stop());
  const intake = createIntake({
    ...{ parser, reports, messages, log, readReturnPath: read, tenants: apiKeys.tenants, now: clock.now },
    reported: createReported(connection, { retention, suppression: config.suppression }),
    leaseMs: config.timeouts.ownerLease,
    observe: ({ source, kind = "", status }) => metrics.reports.inc({ source, kind, status }),
  });
  const notifications = createNotifications({
    ...{ inbound: config.inbound, fetchFromSns, now: clock.now, log },
    mailgunTokens: createMailgunTokens(connection),
    store: intake.store,
    observe: (provider, outcome, count) => metrics.notifications.inc({ source: provider, outcome }, count),
  });
  return {
    ...{ notifications, reports, intake, parseReport: parser.parse, readReturnPath: read },
    ...(returnPathDomain !== undefined && {
      returnPath: returnPathMaker({ domain: returnPathDomain, key, retentionMs: retention.messageMs, now: clock.now }),
    }),
  };
}

type ListenerNeeds = Pick<Needs, "messages" | "apiKeys" | "log"> & {
  config: Pick<Config, "returnPathDomain" | "bounce" | "limits">;
  metrics: Pick<Metrics, "reportMails">;
  intake: Intake;
  readReturnPath: Parameters<typeof createAddressees>[0]["readReturnPath"];
};

/** How long a stop waits for reports that are being read. */
const graceMs = 3_000;

/** Reads what comes in, and listens for reports where there is a domain for them; resolves with where. */
export async function startReports(
  { config, messages, apiKeys, intake, metrics, log, readReturnPath: read }: ListenerNeeds,
  onStop: OnStop,
): Promise<Listener | undefined> {
  const reading = intake.startReading();
  onStop(() => reading.stop(graceMs));
  const { returnPathDomain: domain, bounce, limits } = config;
  if (domain === undefined) return undefined;
  const { host, port, tls, addresses } = bounce;
  const listener = await startListener({
    ...{ host, port, domain, log, ...(tls && { tls }) },
    // Room for what a report says beside the message that it returns.
    sizeMax: 2 * limits.maxMessageSizeBytes + 1024 ** 2,
    judge: createAddressees({ domain, addresses, readReturnPath: read }),
    tenantOf: async (addressee) => {
      const path = addressee.kind === "taken" ? addressee.returnPath?.path : undefined;
      const tenant = path && (await tenantOfReturnPath({ messages, tenants: apiKeys.tenants }, path));
      // What leads to nobody is for who runs the installation.
      return tenant ?? "default";
    },
    store: intake.store,
    onStored: reading.wake,
    observe: (outcome) => metrics.reportMails.inc({ outcome }),
  });
  onStop(() => listener.stop());
  return listener;
}
