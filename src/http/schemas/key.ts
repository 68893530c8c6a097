// The API key as its owner sees it: all but the secret.
import { z } from "zod";
import { type ApiKey, scopes } from "../../domain/keys.ts";
import { wireTime as timeOf } from "../../domain/messageView.ts";
import { wireTime } from "./message.ts";

const fields = {
  id: z.string(),
  name: z.string(),
  tenant: z.string(),
  scopes: z.array(z.enum(scopes)),
  domains: z.array(z.string()).nullable().meta({ description: "Sender domains that the key may use; null: any." }),
  relays: z.array(z.string()).meta({ description: "Relays that the key may name in a message." }),
  created_at: wireTime,
};

export const key = z.object(fields).meta({ id: "Key" });

export const keyWithSecret = z
  .object({ ...fields, key: z.string().meta({ description: "What is sent as `Authorization: Bearer KEY`. Shown only this once." }) })
  .meta({ id: "NewKey" });

/** A stored key for the outside. */
export function keyView({ digest: _digest, created_at, domains, relays, ...rest }: ApiKey): z.output<typeof key> {
  return { ...rest, domains: domains ?? null, relays: relays ?? [], created_at: timeOf(created_at) };
}
