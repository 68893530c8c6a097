// The file's `dkim`: keys to sign mail with, each judged at start, so that none fails with the first message.
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import type { DkimKey } from "../domain/dkim.ts";
import { type ConfigFault, inside, type Place } from "./faults.ts";
import { readFields, type Tree } from "./fields.ts";
import { readTwins } from "./fileTwins.ts";
import { readPrivateKey } from "./pem.ts";
import { domain, flag, readDomain, scalar } from "./values.ts";
import type { ReadFile } from "./variables.ts";

const keyShape = {
  domain,
  // A selector may have dots of its own (RFC 6376, section 3.1).
  selector: scalar("a selector like mail or 2026-11: letters, digits, hyphens and dots", readDomain),
  key: z.string({ error: "must be text (PEM)" }),
  subdomains: flag,
};

/** RFC 8301, section 3.2; receivers take keys of up to 2048 bits for certain, and 4096 fit into DNS. */
const rsaBitsMin = 1024;
const rsaBitsMax = 4096;

/** Whether a key can sign mail: RSA (RFC 6376) or Ed25519 (RFC 8463). */
function keyFault({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string | undefined {
  if (type === "ed25519") return undefined;
  if (type !== "rsa")
    return "is neither an RSA nor an Ed25519 key: make one with openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048";
  const bits = details?.modulusLength ?? 0;
  if (bits < rsaBitsMin) return `is an RSA key of ${bits} bits, which receivers do not accept: make one of 2048`;
  if (bits > rsaBitsMax) return `is an RSA key of ${bits} bits, which many receivers do not accept: make one of 2048`;
  return undefined;
}

/** The keys of the file, adding every fault; what is returned holds those that are good. */
export function readDkimKeys(
  tree: Tree | undefined,
  { at, faults, readFile }: { at: Place; faults: ConfigFault[]; readFile: ReadFile },
): DkimKey[] {
  if (tree === undefined || tree === "") return [];
  if (!Array.isArray(tree)) {
    faults.push({ ...at, text: "must be a list of keys, like [{ domain: example.com, selector: mail, key_file: dkim.pem }]" });
    return [];
  }
  const keys: DkimKey[] = [];
  for (const [index, entry] of tree.entries()) {
    const place = inside(at, index);
    const mapping = entry instanceof Map ? entry : new Map<string, Tree>();
    const { tree: entries, placeOf, given } = readTwins({ tree: mapping, keys: ["key"], at: place, faults, readFile });
    const fields = readFields({ shape: keyShape, tree: entry instanceof Map ? entries : entry, at: place, faults, place: placeOf });
    for (const [key, text] of Object.entries({ domain: "set domain", selector: "set selector", key: "set key_file" })) {
      if (entry instanceof Map && !given.has(key)) faults.push({ ...place, text: `names no ${key}: ${text}` });
    }
    const read = fields.key === undefined ? undefined : readPrivateKey(fields.key);
    const fault = read && ("fault" in read ? read.fault : keyFault(read.key));
    if (fault) faults.push({ ...placeOf("key"), text: fault });
    if (fields.domain === undefined || fields.selector === undefined || fields.key === undefined) continue;
    const { selector } = fields;
    if (keys.some((other) => other.domain === fields.domain && other.selector === selector)) {
      faults.push({ ...place, text: "has the domain and the selector of one before it: a selector names one key" });
    }
    keys.push({ domain: fields.domain, selector, privateKey: fields.key, subdomains: fields.subdomains ?? false });
  }
  return keys;
}
