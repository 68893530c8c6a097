// The gateway of a fault row: a webhook hears of everything from the start, and each fault has a relay and a domain of its own, so that
// one process meets many faults side by side.
import type { AtEnd } from "../../support/atEnd.ts";
import { type Subscribed, subscribeToAll } from "../../support/faultAccounts.ts";
import { type Gateway, startGateway } from "../../support/gateway.ts";
import { startWebhookReceiver } from "../../support/webhookReceiver.ts";

/**
 * Starts it, with `config` as its postern.yaml. Both are stopped at the end of the test.
 * @param options.env at least REDIS_URL
 */
export async function startWatched(
  atEnd: AtEnd,
  options: { env: Record<string, string>; config: Record<string, unknown>; args?: string[] },
): Promise<{ gateway: Gateway; webhook: Subscribed }> {
  const receiver = await startWebhookReceiver();
  atEnd(receiver.stop);
  const gateway = await startFaultGateway(atEnd, options);
  return { gateway, webhook: await subscribeToAll(gateway, receiver) };
}

/** One without a webhook of its own: another process beside the watched one, or after it. */
export async function startFaultGateway(
  atEnd: AtEnd,
  { env, config, args = [] }: { env: Record<string, string>; config: Record<string, unknown>; args?: string[] },
): Promise<Gateway> {
  // JSON is YAML.
  const gateway = await startGateway({
    env,
    args,
    config: JSON.stringify({ webhooks: { allow_private: true, timeout: "3s" }, ...config }),
  });
  atEnd(() => gateway.stop());
  return gateway;
}

type RelayOptions = { port: number; host?: string } & Record<string, unknown>;

/** The sections `relays` and `routes` for relays that each have a domain: mail to `NAME.test` goes by the relay NAME. */
export function relayForEachDomain(relays: Record<string, RelayOptions>) {
  const names = Object.keys(relays);
  return {
    relays: Object.fromEntries(Object.entries(relays).map(([name, options]) => [name, { host: "127.0.0.1", tls: "none", ...options }])),
    routes: names.map((name) => ({ to_domain: `${name}.test`, relays: [name] })),
  };
}
