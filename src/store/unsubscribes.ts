// Recipients that leave a mailing list by its link, and the secrets that sign these links where none are configured.
import { randomBytes } from "node:crypto";
import type { UnsubscribeClaim } from "../domain/unsubscribeToken.ts";
import type { Connection } from "./connection.ts";
import { loadScript, runScript } from "./scripts.ts";

const scripts = { unsubscribe: loadScript("unsubscribe"), secrets: loadScript("unsubscribe-secrets") };

/** A secret signs for so long; its links stay good for as long as any link does. */
const signsForMs = 90 * 24 * 3_600_000;
/** How long this process goes by what it has read. */
const copyLifeMs = 10 * 60_000;

/** Every function rejects while Redis is away. `linkLifeMs`: how long a link is good for. */
export function createUnsubscribes({ redis, keys, clock }: Connection, { linkLifeMs }: { linkLifeMs: number }) {
  let copy: { at: number; secrets: string[] } | undefined;
  return {
    /** Suppresses an address for a list. False if it had left before. */
    async unsubscribe({ tenant, messageId, address, list }: UnsubscribeClaim): Promise<boolean> {
      const touched = [keys.message(messageId), keys.events, keys.sequence, keys.suppressions];
      return Number(await runScript(redis, scripts.unsubscribe, touched, [tenant, messageId, address, list])) === 1;
    },

    /** The installation's own secrets, the newest first. They change by themselves. `fresh`: as they are at this moment. */
    async secrets(fresh = false): Promise<readonly string[]> {
      if (copy && !fresh && clock.now() - copy.at < copyLifeMs) return copy.secrets;
      const candidate = randomBytes(32).toString("base64url");
      const answer = await runScript(redis, scripts.secrets, [keys.unsubscribeSecrets], [candidate, signsForMs, linkLifeMs]);
      const secrets = (JSON.parse(String(answer)) as { secret: string }[]).map(({ secret }) => secret);
      copy = { at: clock.now(), secrets };
      return secrets;
    },
  };
}

export type Unsubscribes = ReturnType<typeof createUnsubscribes>;
