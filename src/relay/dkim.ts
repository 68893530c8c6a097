// Signs mail (DKIM, RFC 6376) by every key of its sender's domain: RSA, and Ed25519 (RFC 8463). At the attempt, not at acceptance, because
// keys rotate and schedules are long. Below the signature the bytes stay as they are.
import { createHash, createPrivateKey, type KeyObject, sign as signWith } from "node:crypto";
import { promisify } from "node:util";
import type { DkimKey } from "../domain/dkim.ts";
import { hashBody, readFields, relaxedValue, type SignedField } from "./dkimCanonical.ts";

/**
 * Makes the fields that go in front of a message, each ended by CRLF; nothing where no key is meant for the domain.
 * @param mail.bytes the finished message, lines ended by CRLF
 * @param mail.fromDomain the canonical domain of its From
 * @param mail.except names (lower case) of fields that the relay will replace
 */
export type Sign = (mail: { bytes: Buffer; fromDomain: string; except: readonly string[] }) => Promise<Buffer>;

/**
 * What is signed where it is there (RFC 6376, section 5.4.1). `always` is also named once more than it is there, so that nobody can add one
 * of it and have it pass for ours (section 8.15); `present` likewise, but only where there is one, since some relays add what is missing.
 */
const signedFields: Readonly<Record<string, "always" | "present" | "once">> = {
  from: "always",
  sender: "present",
  "reply-to": "always",
  to: "present",
  cc: "always",
  subject: "always",
  date: "present",
  "message-id": "present",
  "in-reply-to": "present",
  references: "present",
  "mime-version": "present",
  "content-type": "present",
  "content-transfer-encoding": "present",
  "list-id": "once",
  "list-help": "once",
  "list-unsubscribe": "present",
  "list-unsubscribe-post": "present",
  "list-subscribe": "once",
  "list-post": "once",
  "list-owner": "once",
  "list-archive": "once",
  "feedback-id": "present",
  "auto-submitted": "once",
};

type Signer = { domain: string; selector: string; key: KeyObject; algorithm: "rsa-sha256" | "ed25519-sha256"; subdomains: boolean };

const lineLength = 72;
/** With a callback it is done by the thread pool: an RSA signature takes longer than all else that a message costs. */
const signAside = promisify(signWith);

/**
 * Makes the signer of all configured keys, each parsed once.
 * @param options.now milliseconds since the epoch, for the signature's time
 * @returns rejects only if a key fails to sign
 * @throws Error if a key cannot be read
 */
export function createDkimSigner({ keys, now = Date.now }: { keys: readonly DkimKey[]; now?: () => number }): Sign {
  const signers = keys.map(({ domain, selector, privateKey, subdomains }): Signer => {
    const key = createPrivateKey(privateKey);
    return { domain, selector, key, subdomains, algorithm: key.asymmetricKeyType === "ed25519" ? "ed25519-sha256" : "rsa-sha256" };
  });
  return async ({ bytes, fromDomain, except }) => {
    const meant = signersFor(signers, fromDomain);
    if (meant.length === 0) return Buffer.alloc(0);
    const { fields, bodyStart } = readFields(bytes);
    const bodyHash = await hashBody(bytes, bodyStart);
    const { names, data } = selectFields(fields, except);
    const time = Math.floor(now() / 1_000);
    return Buffer.concat(await Promise.all(meant.map((signer) => fieldOf({ signer, names, data, bodyHash, time }))));
  };
}

/** The keys of the domain itself, else those of the nearest domain above that are meant for sub-domains too. */
function signersFor(signers: readonly Signer[], fromDomain: string): Signer[] {
  for (let domain = fromDomain; ; domain = domain.slice(domain.indexOf(".") + 1)) {
    const found = signers.filter((signer) => signer.domain === domain && (domain === fromDomain || signer.subdomains));
    if (found.length > 0 || !domain.includes(".")) return found;
  }
}

/** The names for `h=` and what is signed of them, in the same order: of fields of one name the last one first (RFC 6376, section 5.4.2). */
function selectFields(fields: readonly SignedField[], except: readonly string[]): { names: string[]; data: string } {
  const names: string[] = [];
  let data = "";
  for (const [name, rule] of Object.entries(signedFields)) {
    if (except.includes(name)) continue;
    const found = fields.filter((field) => field.name === name).reverse();
    for (const { value } of found) {
      names.push(name);
      data += `${name}:${value}\r\n`;
    }
    if (rule === "always" || (rule === "present" && found.length > 0)) names.push(name);
  }
  return { names, data };
}

type Parts = { signer: Signer; names: readonly string[]; data: string; bodyHash: string; time: number };

/** One DKIM-Signature field. Its own `b=` is empty while it is signed (RFC 6376, section 3.7). */
async function fieldOf({ signer, names, data, bodyHash, time }: Parts): Promise<Buffer> {
  const { domain, selector, key, algorithm } = signer;
  const value = [
    `v=1; a=${algorithm}; c=relaxed/relaxed; t=${time};`,
    `d=${domain};`,
    `s=${selector};`,
    ...(`h=${names.join(":")};`.match(/.{1,60}[^:]*:?/g) as string[]),
    `bh=${bodyHash};`,
    "b=",
  ].join("\r\n ");
  const signed = Buffer.from(`${data}dkim-signature:${relaxedValue(value)}`, "latin1");
  const signature =
    algorithm === "rsa-sha256"
      ? await signAside("sha256", signed, key)
      : await signAside(null, createHash("sha256").update(signed).digest(), key);
  const folded = signature.toString("base64").match(new RegExp(`.{1,${lineLength}}`, "g")) ?? [];
  return Buffer.from(`DKIM-Signature: ${value}${folded.join("\r\n ")}\r\n`, "latin1");
}
