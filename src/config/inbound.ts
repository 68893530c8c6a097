// The file's section `inbound`: the providers whose notifications are taken, each with what it is verified by.
import { createPublicKey } from "node:crypto";
import { z } from "zod";
import { type InboundConfig, readSnsTopic } from "../domain/notification.ts";
import { type ConfigFault, inside, type Place } from "./faults.ts";
import { readFields, type Shape, type Tree } from "./fields.ts";
import { readTwins } from "./fileTwins.ts";
import { anything, credential, oneOrMore, scalar } from "./values.ts";
import type { ReadFile } from "./variables.ts";

/** SendGrid shows its key as base64 of DER (SubjectPublicKeyInfo) without PEM's frame. Returns PEM; undefined for no key of P-256. */
function readSendgridKey(text: string): string | undefined {
  const base64 = text.replace(/-----(?:BEGIN|END) PUBLIC KEY-----/g, "").replace(/\s/g, "");
  if (!/^[A-Za-z0-9+/]{64,512}={0,2}$/.test(base64)) return undefined;
  try {
    const key = createPublicKey({ key: Buffer.from(base64, "base64"), format: "der", type: "spki" });
    if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") return undefined;
    return key.export({ format: "pem", type: "spki" }).toString();
  } catch {
    return undefined;
  }
}

const topic = scalar("the ARN of a topic, like arn:aws:sns:eu-west-1:123456789012:ses-events", readSnsTopic);
const topics = z
  .array(topic, { error: "must be a list of topics, like [arn:aws:sns:eu-west-1:123456789012:ses-events]" })
  .min(1, { error: "needs at least one topic: only what comes from these is taken" });
const publicKey = scalar("the verification key that SendGrid shows for its signed Event Webhook (P-256)", readSendgridKey);

/** It ends at the first colon (RFC 7617, section 2). */
const userName = credential.refine((text) => !text.includes(":"), { error: "must not hold a colon" });

const providers = {
  ses: { shape: { topics }, secrets: [] },
  sendgrid: { shape: { public_key: oneOrMore(publicKey) }, secrets: ["public_key"] },
  postmark: { shape: { username: userName, password: credential }, secrets: ["username", "password"] },
  mailgun: { shape: { signing_key: credential }, secrets: ["signing_key"] },
} as const;

/** Reads the section, adding every fault; what is returned holds the providers that are complete. */
export function readInbound(
  tree: Tree | undefined,
  { at, faults, readFile }: { at: Place; faults: ConfigFault[]; readFile: ReadFile },
): InboundConfig {
  const sections = readFields({ shape: { ses: anything, sendgrid: anything, postmark: anything, mailgun: anything }, tree, at, faults });

  /** A provider's keys; undefined where it is not set up, or not wholly. */
  function read<S extends Shape>(
    name: keyof typeof sections,
    { shape, secrets }: { shape: S; secrets: readonly string[] },
  ): { [Key in keyof S]: z.output<S[Key]> } | undefined {
    const section = sections[name];
    if (section === undefined) return undefined;
    const place = inside(at, name);
    const isMapping = section instanceof Map;
    const entries = isMapping ? section : new Map<string, Tree>();
    const twins = readTwins({ tree: entries, keys: secrets, at: place, faults, readFile });
    const fields = readFields({ shape, tree: isMapping ? twins.tree : section, at: place, faults, place: twins.placeOf });
    const missing = Object.keys(shape).filter((key) => !twins.given.has(key));
    if (isMapping || section === "") {
      for (const key of missing) faults.push({ ...place, text: `names no ${key}: set it, or leave ${name} out` });
    }
    const isWhole = Object.keys(shape).every((key) => Object.hasOwn(fields, key));
    return isWhole ? (fields as { [Key in keyof S]: z.output<S[Key]> }) : undefined;
  }

  const ses = read("ses", providers.ses);
  const sendgrid = read("sendgrid", providers.sendgrid);
  const postmark = read("postmark", providers.postmark);
  const mailgun = read("mailgun", providers.mailgun);
  return {
    ...(ses && { ses }),
    ...(sendgrid && { sendgrid: { publicKeys: [sendgrid.public_key].flat() } }),
    ...(postmark && { postmark }),
    ...(mailgun && { mailgun: { signingKey: mailgun.signing_key } }),
  };
}
