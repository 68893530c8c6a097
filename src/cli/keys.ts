// `postern keys create|list|revoke`: API keys from the shell, for the operator who has access to Redis.
import { randomBytes } from "node:crypto";
import type { Config } from "../config.ts";
import { checkDomainPattern } from "../domain/address.ts";
import { newApiKey, type Scope, scopes, tenantPattern } from "../domain/keys.ts";
import { wireTime } from "../domain/messageView.ts";
import { joinRedis } from "../start/redis.ts";
import { createUnwinding } from "../start/unwinding.ts";
import { type ApiKeys, createApiKeys } from "../store/apiKeys.ts";
import { connect } from "../store/connection.ts";
import { createLogger } from "../telemetry/logger.ts";
import type { Terminal } from "./terminal.ts";

export type CreateKeyOptions = { tenant: string; name: string; scope: string[]; domain?: string[]; relay?: string[]; json?: boolean };

/** Makes a key and prints it: the only time it is seen. */
export async function createKey(terminal: Terminal, config: Config, options: CreateKeyOptions): Promise<number> {
  const faults = faultsOf(options);
  for (const fault of faults) terminal.err(fault);
  if (faults.length > 0) return 2;
  return withKeys(terminal, config, async (apiKeys, now) => {
    const { key, text } = newApiKey({
      tenant: options.tenant,
      name: options.name,
      scopes: options.scope as Scope[],
      ...(options.domain && { domains: options.domain.map(canonicalPattern) }),
      ...(options.relay && { relays: options.relay }),
      createdAt: now,
      random: randomBytes(64),
    });
    await apiKeys.add(key);
    terminal.out(options.json ? JSON.stringify({ id: key.id, key: text }) : text);
    return 0;
  });
}

/** Lists a tenant's keys, newest first. */
export async function listKeys(terminal: Terminal, config: Config, options: { tenant: string; json?: boolean }): Promise<number> {
  return withKeys(terminal, config, async (apiKeys) => {
    for (let cursor: string | undefined; ; ) {
      const page = await apiKeys.list(options.tenant, 100, cursor);
      for (const { digest: _digest, ...key } of page.keys) {
        const line = [key.id, wireTime(key.created_at), key.scopes.join(","), key.domains?.join(",") ?? "any domain", key.name];
        terminal.out(options.json ? JSON.stringify({ ...key, created_at: wireTime(key.created_at) }) : line.join("  "));
      }
      cursor = page.nextCursor;
      if (cursor === undefined) return 0;
    }
  });
}

/** Ends a key at once. 1 if the tenant has no such key. */
export async function revokeKey(
  terminal: Terminal,
  config: Config,
  id: string,
  options: { tenant: string; json?: boolean },
): Promise<number> {
  return withKeys(terminal, config, async (apiKeys) => {
    const revoked = await apiKeys.remove(options.tenant, id);
    if (options.json) terminal.out(JSON.stringify({ id, revoked }));
    if (revoked) return 0;
    terminal.err(`The tenant ${options.tenant} has no key ${id}.`);
    return 1;
  });
}

function faultsOf({ tenant, scope, domain = [] }: CreateKeyOptions): string[] {
  const faults: string[] = [];
  if (!tenantPattern.test(tenant)) faults.push("--tenant: use 1 to 63 of a-z 0-9 _ -, beginning with a letter or digit");
  for (const it of scope) if (!(scopes as readonly string[]).includes(it)) faults.push(`--scope: ${it} is none; use ${scopes.join(", ")}`);
  for (const it of domain) {
    const checked = checkDomainPattern(it);
    if ("fault" in checked) faults.push(`--domain: ${it} ${checked.fault}`);
  }
  return faults;
}

function canonicalPattern(text: string): string {
  const checked = checkDomainPattern(text);
  return "fault" in checked ? text : checked.pattern;
}

/** Opens Redis for one command: the configured one, the embedded one of a service that runs, or one brought up for so long. */
async function withKeys(terminal: Terminal, config: Config, work: (apiKeys: ApiKeys, now: number) => Promise<number>): Promise<number> {
  const log = createLogger({ level: "silent", format: "json" });
  const { onStop, stop } = createUnwinding(log);
  try {
    const target = await joinRedis(config, { log, say: terminal.err, onFailure: () => undefined }, onStop);
    const connection = await connect(target, log);
    onStop(() => connection.close());
    return await work(createApiKeys(connection), connection.clock.now());
  } finally {
    await stop();
  }
}
