// Takes our credentials out of whatever a relay says: some servers repeat in a refusal what they were sent.
import type { RelayConfig } from "../domain/relay.ts";

/**
 * Makes a function that replaces the password, the user and their base64 forms (RFC 4616, and LOGIN's) in a text.
 * What has one or two characters is left alone: it would be found everywhere.
 */
export function createCredentialMask(auth: RelayConfig["auth"]): (text: string) => string {
  if (!auth) return (text) => text;
  const base64 = (text: string) => Buffer.from(text, "utf8").toString("base64");
  const plain = base64(`\0${auth.user}\0${auth.pass}`);
  const secrets = [plain, base64(auth.pass), base64(auth.user), auth.pass, auth.user].filter((secret) => secret.length > 2);
  return (text) => secrets.reduce((masked, secret) => masked.replaceAll(secret, "[credentials]"), text);
}
